"""Readers of problem files: hand-written cases of every construct, real files against published lists."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.errors import DataError, NeurontologyError, UsageError
from neurontology.reasoner.formats import dllearner, ecii, ontolearn_json, read_lists, read_problem
from neurontology.reasoner.problem import LearningProblem

A = "http://a.org/x#"

ECII = """\
/******************
namespace=http://wrong.org/#
******************/
// default namespace
namespace=http://a.org/x#
# K1 = a comment
conceptLimitInNegExpr=3
removeCommonTypes=true
scoreType = coverage   // how to rank
limitPosTypes=True
reasoner.reasonerImplementation=pellet
prefixes = [ ("ex","http://b.org/"), ("no","http://c.org/y") ]
//ks.fileName = "/home/other/old.owl"
ks.fileName = "./my ontologies/k.owl"
objectProperties={":contains",
   "ex:near"}
removeCommonTypes=false
someFutureKey=7
lp.positiveExamples = {":p1", "http://a.org/x#p2",
// ":commented",
"ex:p3","no:p4" }
lp.negativeExamples =
{
"plain_name"
}
"""

CONF = """\
/** prefixes = [ ("ex","http://wrong.org/") ] **/
prefixes = [ ("ex","http://a.org/x#"), ("b","http://b.org/") ]
facts.type = "OWL File"
facts.fileName = "k.owl"   // here
facts.baseDir = "data"
unused.type = "KB File"
unused.fileName = "other.kb"
thinker.type = "closed world reasoner"
thinker.sources = { facts }
task.type = "org.dllearner.learningproblems.PosNegLPStandard"
task.positiveExamples = { "ex:p1"
 ,"ex:p2" }
task.negativeExamples = {"b:n"}
task.accuracyMethod = measure
measure.type = "fmeasure"
refine.type = "rho"
refine.useAllConstructor = false
refine.cardinalityLimit = 5
learner.type = "CELOE"
learner.operator = refine
learner.ignoredConcepts = { "ex:Target" }
learner.ignoredObjectProperties = { "ex:isSonOf" }
learner.startClass = "ex:Compound"
learner.noisePercentage = 2.5
learner.maxExecutionTimeInSeconds = "10"
learner.maxNrOfResults = 7
learner.weights = [ ("ex:a", 1.5), ("ex:b", -2) ]
learner.empty = -
learner.writeSearchTree = true
"""

OLD = """\
import("k.owl");
export("out.owl");
reasoner = fastInstanceChecker;
algorithm = ocel;
ocel.noisePercentage = 30;
ocel.ignoredConcepts={
"http://a.org/x#ONE",
"http://a.org/x#ZERO"};
celoe.noisePercentage = 22;
+"http://a.org/x#p1"
-"http://a.org/x#n1"
+local
/** rest **/
-"http://a.org/x#n2"
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# -- ECII ------------------------------------------------------------------------------------------------


def test_ecii_config(tmp_path: Path) -> None:
    problem = read_problem(write(tmp_path, "n.config", ECII))
    assert problem.name == "n"
    assert problem.positives == (A + "p1", A + "p2", "http://b.org/p3", "http://c.org/y#p4")
    assert problem.negatives == ("plain_name",)
    assert problem.knowledge == ("./my ontologies/k.owl",)
    assert dict(problem.prefixes) == {"": A, "ex": "http://b.org/", "no": "http://c.org/y#"}
    given = problem.settings
    assert given.object_properties == (A + "contains", "http://b.org/near")
    assert (given.score, given.algorithm) == ("coverage", "ecii")
    assert given.ecii is not None
    assert (given.ecii.concept_limit_in_neg_expr, given.ecii.concept_limit_in_pos_expr) == (3, 2)
    assert (given.ecii.remove_common_types, given.ecii.limit_pos_types) == (False, True)
    assert problem.warnings == (
        "n.config:17: removeCommonTypes is set again after line 8, the last counts",
        "n.config:18: someFutureKey is not a known setting of ECII and is ignored",
    )


def test_ecii_joins_prefix_and_name_with_its_delimiter(tmp_path: Path) -> None:
    text = 'namespace=http://a.org/x\ndelimiter=/\nlp.positiveExamples={":p"}\nlp.negativeExamples={":n"}'
    assert read_problem(write(tmp_path, "n.config", text)).positives == ("http://a.org/x/p",)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("conceptLimitInNegExpr=3", "conceptLimitInNegExpr=many", 7, "a whole number"),
        ("limitPosTypes=True", "limitPosTypes=yes", 10, "true or false"),
        ('":contains",', '":contains,', 15, "string is not closed"),
        ('"ex:near"}', '"ex:near"', 17, "found 'removeCommonTypes"),
        ("someFutureKey=7", "someFutureKey 7", 18, "'=' after someFutureKey"),
        ("someFutureKey=7", "= 7", 18, "a setting, key = value"),
        ('"plain_name"\n}', '"plain_name"\n', 26, "the text ends here"),
        ('("ex","http://b.org/"),', '("ex" "http://b.org/"),', 12, "','"),
        ("objectProperties={", 'objectProperties="x"\nx={', 15, "of another kind"),
        ("# K1 = a comment", "/* K1", 6, "comment is not closed"),
    ],
)
def test_ecii_errors_name_the_line(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    path = write(tmp_path, "n.config", ECII.replace(old, new))
    with pytest.raises(DataError) as error:
        read_problem(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert what in str(error.value)


def test_ecii_missing_sides(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no negative examples; .* Note .* lp.negative is not a known setting"):
        read_problem(write(tmp_path, "n.config", ECII.replace("lp.negativeExamples", "lp.negative")))


# -- DL-Learner ------------------------------------------------------------------------------------------


def test_dllearner_components_are_found_by_their_type(tmp_path: Path) -> None:
    problem = read_problem(write(tmp_path, "n.conf", CONF))
    assert problem.positives == (A + "p1", A + "p2")
    assert problem.negatives == ("http://b.org/n",)
    assert problem.knowledge == ("data/k.owl",)
    given = problem.settings
    assert given.ignored_classes == (A + "Target",)
    assert given.ignored_properties == (A + "isSonOf",)
    assert given.start_class == A + "Compound"
    assert (given.noise_percentage, given.time_limit, given.top) == (2.5, 10.0, 7)
    assert (given.score, given.algorithm) == ("fmeasure", "celoe")
    assert dict(given.language) == {"cardinalityLimit": 5.0, "useAllConstructor": False}
    assert problem.warnings == ("n.conf:27: learner.weights, learner.empty are not supported and are ignored",)


def test_dllearner_before_2011(tmp_path: Path) -> None:
    problem = read_problem(write(tmp_path, "n.conf", OLD))
    assert problem.positives == (A + "p1", "local")
    assert problem.negatives == (A + "n1", A + "n2")
    assert problem.knowledge == ("k.owl",)
    assert problem.settings.noise_percentage == 30
    assert problem.settings.ignored_classes == (A + "ONE", A + "ZERO")
    assert problem.warnings == (
        "n.conf:2: export(…) is not supported and is ignored",
        "n.conf:9: the settings of celoe are ignored, because it is not the algorithm",
    )


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: "# one\n" + text + "# two\nlearner.positiveOnly = 1 # three",
        lambda text: text.replace('"}', '" , }').replace('{"b:n"', '{ # sides\n"b:n"'),
        lambda text: text.replace("useAllConstructor = false", 'useAllConstructor = "false"'),
        lambda text: text.replace("noisePercentage = 2.5", "noisePercentage = +2.5"),
        lambda text: re.sub(" //.*", "", text).replace("\n", " "),
        lambda text: text.replace("\n", "\r\n\t").replace(" = ", "\t=\t"),
    ],
    ids=["comments", "commas", "quoted", "signed", "one-line", "tabs"],
)
def test_dllearner_files_written_in_other_ways(tmp_path: Path, rewrite: Callable[[str], str]) -> None:
    text = rewrite(CONF)
    assert text != CONF
    one, other = read_problem(write(tmp_path, "one.conf", CONF)), read_problem(write(tmp_path, "other.conf", text))
    assert (other.positives, other.negatives, other.knowledge) == (one.positives, one.negatives, one.knowledge)
    assert other.settings == one.settings


def test_a_file_of_one_line(tmp_path: Path) -> None:
    problem = read_problem(write(tmp_path, "n.conf", 'lp.positiveExamples={"a"} lp.negativeExamples={"b"}'))
    assert (problem.positives, problem.negatives) == (("a",), ("b",))


def test_a_start_class_may_be_an_expression(tmp_path: Path) -> None:
    for start in ("ex:Compound and (not <http://b.org/C>)", "<http://b.org/C> or <http://b.org/D>"):
        text = CONF.replace('"ex:Compound"', f'"{start}"')
        assert text != CONF
        assert read_problem(write(tmp_path, "n.conf", text)).settings.start_class == start


@pytest.mark.parametrize(
    ("text", "kind", "described"),
    [
        ('lp.type = "posonlylp"\nlp.positiveExamples = {"p"}\nalg.type="celoe"', "positive-only", None),
        (f'lp.type = "clp"\nlp.classToDescribe = "{A}C"', "class", f"{A}C"),
        (f'problem = classLearning;\nclassLearning.classToDescribe = "{A}C";', "class", f"{A}C"),
        ('lp.positiveExamples = {"p"}\nlp.negativeExamples = {"n"}', "standard", None),
    ],
)
def test_dllearner_kinds(tmp_path: Path, text: str, kind: str, described: str | None) -> None:
    problem = read_problem(write(tmp_path, "n.conf", text))
    assert (problem.kind, problem.described_class) == (kind, described)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("PosNegLPStandard", "MultiLabel", 10, "expected posNegStandard"),
        ('"ex:p1"\n ,"ex:p2"', '"ex:p1"\n "ex:p2"', 12, "',' or '}'"),
        ('"ex:p1"', '"ex:p1', 11, "string is not closed"),
        ('{"b:n"}', '{"b:n"', 14, "',' or '}'"),
        ("noisePercentage = 2.5", "noisePercentage = low", 24, "a number"),
        ("learner.empty = -", "learner.empty =", 29, "found '.writeSearchTree"),
        ("learner.empty = -", "learner.empty ? 1", 28, "'=' after learner.empty"),
        ("learner.empty = -", "learner. = 1", 28, "a property after learner."),
        ("refine.useAllConstructor = false", 'refine.useAllConstructor = "no"', 17, "true, false"),
        ('("b","http://b.org/")', '"b"', 2, '("prefix","iri")'),
        ("learner.empty = -", "learner.empty = " + "{" * 50_000, 28, "nothing is nested deeper"),
    ],
)
def test_dllearner_errors_name_the_line(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    path = write(tmp_path, "n.conf", CONF.replace(old, new))
    with pytest.raises(DataError) as error:
        read_problem(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert what in str(error.value)


def test_dllearner_two_problems_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 learning problems: task, more"):
        read_problem(write(tmp_path, "n.conf", CONF + 'more.type = "posNegStandard"'))


# -- JSON ------------------------------------------------------------------------------------------------

SIDES = {"positive_examples": ["p1", "p2"], "negative_examples": ["n"]}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (SIDES, "n"),
        ({"positives": ["p1", "p2"], "negatives": ["n"]}, "n"),
        ({"positive": ["p1", "p2"], "negative": ["n"]}, "n"),
        ({"learning_problem": SIDES}, "n"),
        ({"problems": {"Aunt": SIDES}}, "Aunt"),
        ({"Aunt": SIDES}, "Aunt"),
    ],
)
def test_json_shapes(tmp_path: Path, content: object, name: str) -> None:
    problem = read_problem(write(tmp_path, "n.json", json.dumps(content)))
    assert (problem.name, problem.positives, problem.negatives) == (name, ("p1", "p2"), ("n",))


def test_json_with_several_problems(tmp_path: Path) -> None:
    content = {
        "data_path": "../k.owl",
        "comment": "x",
        "problems": {
            "Aunt": SIDES,
            "Uncle": {"positive_examples": ["ex:u"], "negative_examples": ["n"], "prefixes": {"ex": A}},
            "Empty": {"positive_examples": [], "negative_examples": ["n"]},
        },
    }
    path = write(tmp_path, "n.json", json.dumps(content))
    uncle = read_problem(path, select="Uncle")
    assert (uncle.positives, uncle.knowledge) == ((A + "u",), ("../k.owl",))
    assert uncle.warnings == ("n.json: comment is not supported and is ignored",)
    with pytest.raises(UsageError, match=r"3 learning problems; .* called Aunt, Uncle, Empty"):
        read_problem(path)
    with pytest.raises(UsageError, match=r"no problem called 'Unkle'. Did you mean Uncle"):
        read_problem(path, select="Unkle")
    with pytest.raises(DataError, match="'Empty' has no positive examples"):
        read_problem(path, select="Empty")


def test_json_settings_in_the_words_of_ontolearn_and_dllearner(tmp_path: Path) -> None:
    content = {
        "data_path": "k.owl",
        "prefixes": {"ex": A},
        "max_runtime": 12,
        "quality_metric": "accuracy",
        "use_inverse": False,
        "card_limit": 4,
        "concepts_to_ignore": ["ex:Target"],
        "surprise": 1,
        "problems": {
            "one": {"pos": ["a"], "neg": ["b"]},
            "two": {
                "positives": ["a"], "negatives": ["b"], "maxExecutionTimeInSeconds": 3, "maxNrOfResults": 5,
                "useInverse": True, "startClass": "ex:C",
            },
        },
    }  # fmt: skip
    path = write(tmp_path, "p.json", json.dumps(content))
    one, two = (read_problem(path, select=name) for name in ("one", "two"))
    assert (one.settings.time_limit, one.settings.score, one.settings.ignored_classes) == (
        12,
        "accuracy",
        (A + "Target",),
    )
    assert one.settings.language == {"cardinalityLimit": 4, "useInverse": False}
    assert one.warnings == ("p.json: surprise is not supported and is ignored",)
    assert (two.settings.time_limit, two.settings.top, two.settings.start_class) == (3, 5, A + "C")
    assert two.settings.language["useInverse"] is True


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ({"max_runtime": -1}, "time limit is -1"),
        ({"maxNrOfResults": 0}, "'maxNrOfResults' is 0"),
        ({"use_inverse": "no"}, "'useInverse' is \"no\""),
        ({"accuracyMethod": 1}, "'accuracyMethod' is no text"),
    ],
)
def test_json_settings_that_cannot_be(tmp_path: Path, setting: dict[str, object], what: str) -> None:
    path = write(tmp_path, "p.json", json.dumps({"positives": ["a"], "negatives": ["b"], **setting}))
    with pytest.raises(DataError, match=what):
        read_problem(path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"positives": ["a"],\n "negatives": ["b"\n}', "n.json:3: is not valid JSON"),
        ('{"positives": ["a", 5], "negatives": ["b"]}', "entry 2 of 'positives' is 5"),
        ('{"positives": {"a": 1}, "negatives": ["b"]}', "'positives' is of another kind"),
        ('{"positives": ["a"], "positives": ["b"]}', "the key 'positives' occurs twice"),
        ('{"a": {"x": 1}}', "without examples"),
        ("{}", "without examples"),
        ('["a"]', "is a JSON list"),
        ("[" * 100_000, "is nested too deeply"),
    ],
)
def test_json_errors(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(DataError) as error:
        read_problem(write(tmp_path, "n.json", text))
    assert what in str(error.value)


# -- lists, and what is none of these --------------------------------------------------------------------


def test_lists(tmp_path: Path) -> None:
    positives = write(tmp_path, "p.txt", f"\ufeff# images\r\n{A}p1 # best\r\n<{A}p 2>\n\n  ADE_1\n")
    negatives = write(tmp_path, "n.txt", "ADE_2")
    problem = read_lists(positives, negatives)
    assert (problem.name, problem.positives) == ("p", (A + "p1", A + "p 2", "ADE_1"))
    assert (problem.negatives, problem.knowledge) == (("ADE_2",), ())
    write(tmp_path, "n.txt", "ADE_2\nADE 3")
    with pytest.raises(DataError, match=r"n.txt:2: 'ADE 3' is not one name"):
        read_lists(positives, negatives)
    write(tmp_path, "n.txt", "# nothing\n")
    with pytest.raises(DataError, match="no negative examples"):
        read_lists(positives, negatives)


def test_the_content_tells_the_format(tmp_path: Path) -> None:
    assert read_problem(write(tmp_path, "a.txt", ECII)).settings.algorithm == "ecii"
    assert read_problem(write(tmp_path, "b.config", CONF)).settings.algorithm == "celoe"
    assert read_problem(write(tmp_path, "c.conf", json.dumps(SIDES))).positives == ("p1", "p2")
    bare = '# x\nlp.positiveExamples = {"p"}\nlp.negativeExamples = {"n"}'
    assert read_problem(write(tmp_path, "d.config", bare)).settings.ecii is not None


def test_what_is_no_problem_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_problem(tmp_path / "none.conf")
    with pytest.raises(UsageError, match="is a directory"):
        read_problem(tmp_path)
    with pytest.raises(DataError, match="is an ontology"):
        read_problem(write(tmp_path, "k.owl", '<?xml version="1.0"?><rdf:RDF/>'))
    with pytest.raises(DataError, match="--positives"):
        read_problem(write(tmp_path, "p.txt", f"{A}p1\n{A}p2\n"))
    with pytest.raises(DataError, match="not a known kind"):
        read_problem(write(tmp_path, "empty.conf", ""))
    (tmp_path / "latin.conf").write_bytes(b'lp.type = "x"\n// caf\xe9\n')
    with pytest.raises(DataError, match=r"latin.conf:2: is not UTF-8"):
        read_problem(tmp_path / "latin.conf")
    with pytest.raises(UsageError, match="no problem called 'x'"):
        read_problem(write(tmp_path, "n.conf", CONF), select="x")


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["ecii", "conf", "old", "json"]),
    st.integers(0, 1500),
    st.integers(0, 40),
    st.text('{}[]()"\\,;.=+-/*#<>:a1 \n\0é', max_size=5),
)
def test_damaged_files_never_fail_otherwise(form: str, at: int, cut: int, insert: str) -> None:
    whole = {"ecii": ECII, "conf": CONF, "old": OLD, "json": json.dumps({"problems": {"A": SIDES}})}[form]
    text = whole[:at] + insert + whole[at + cut :]
    read = {"ecii": ecii.read, "conf": dllearner.read, "old": dllearner.read}.get(
        form, lambda text, path: ontolearn_json.read(text, path, None)
    )
    try:
        assert isinstance(read(text, Path("x")), LearningProblem)
    except NeurontologyError as error:
        assert "x" in str(error)


# -- real files ------------------------------------------------------------------------------------------


def test_all_dllearner_problems_agree_with_the_published_lists(shared_data: Path) -> None:
    """problems.json was made from the files independently.

    It reads algorithm, noise and time of the present syntax only, by the names ``alg`` and ``la``, and gives
    no knowledge source for ``import`` and URLs; where it says something, it must be the same.
    """
    folder = shared_data / "dl-learner"
    kinds: Counter[str] = Counter()
    for file in sorted(folder.glob("*/problems.json")):
        for name, published in json.loads(file.read_text()).items():
            problem = read_problem(file.with_name(f"{name}.conf"))
            kinds[problem.kind] += 1
            assert set(problem.positives) == set(published["positive"]), name
            assert set(problem.negatives) == set(published["negative"]), name
            assert problem.described_class == published.get("class_to_describe"), name
            if published["knowledge_sources"]:
                assert [Path(k).name for k in problem.knowledge] == published["knowledge_sources"], name
            assert problem.knowledge, name
            for key, read in {
                "algorithm": problem.settings.algorithm,
                "noisePercentage": problem.settings.noise_percentage,
                "maxExecutionTimeInSeconds": problem.settings.time_limit,
            }.items():
                assert published.get(key, read) == read, (name, key)
    assert kinds == {"standard": 67, "class": 6, "positive-only": 1}


def test_all_ecii_and_dllearner_files_of_one_problem_agree(shared_data: Path) -> None:
    folder = shared_data / "ecii-aaai"
    files = 0
    for name, published in json.loads((folder / "problems.json").read_text()).items():
        for path in sorted((folder / "problems" / name).glob("*/*.conf*")):
            problem = read_problem(path)
            files += 1
            assert (problem.settings.ecii is not None) == (path.suffix == ".config")
            assert set(problem.positives) == set(published["positive"]), path
            assert set(problem.negatives) == set(published["negative"]), path
            # The first ECII runs over medium15 used another ontology than the rest of the problem's runs.
            other = name.startswith("medium15/") and "/pre/" in path.as_posix() and path.suffix == ".config"
            expected = ["ade20k_aligned_with_sumo.owl"] if other else published["knowledge_sources"]
            assert [Path(k).name for k in problem.knowledge] == expected, path
    assert files == 117


def test_the_scene_problems(shared_data: Path) -> None:
    """Sizes from the published table, settings from the files' own last lines."""
    folder = shared_data / "ade20k-kb" / "experiments"
    table = [row.split(",") for row in (folder / "baseline.csv").read_text().splitlines()[1:]]
    assert len(table) == 16
    for comparison, background, positives, negatives, *_ in table:
        path = folder / comparison / f"{comparison}_bkg_{background}_accuracy_f1.config"
        problem = read_problem(path)
        assert (len(problem.positives), len(problem.negatives)) == (int(positives), int(negatives))
        assert problem.settings.score == "f_measure"
        assert problem.settings.ecii is not None
        assert not problem.settings.ecii.remove_common_types
        assert len(problem.warnings) == 1
    for path in folder.glob("*/*.conf"):
        assert read_problem(path).settings.ecii is None


def test_the_neuron_config_agrees_with_the_image_sets(shared_data: Path) -> None:
    folder = shared_data / "resnet50v2-neurons"
    config = read_problem(folder / "set6-initial_score_hybrid.config")
    sets = read_problem(folder / "image_sets.json", select="63")
    for full, short in ((config.positives, sets.positives), (config.negatives, sets.negatives)):
        assert {iri.rpartition("#")[2] for iri in full} == set(short)
    assert (len(sets.positives), len(sets.negatives)) == (4, 1167)
    with pytest.raises(UsageError, match="holds 35 learning problems"):
        read_problem(folder / "image_sets.json")


def test_real_problem_collections_in_json(shared_data: Path) -> None:
    path = shared_data / "dl-learner" / "swore" / "problems.json"
    described = read_problem(path, select="customer_requirement")
    assert (described.kind, described.knowledge) == ("class", ("swore.rdf",))
    assert described.settings.noise_percentage == 5
    listed = read_problem(path, select="swore")
    assert listed.positives == read_problem(path.with_name("swore.conf")).positives
