"""One run of an Ontolearn learner, in Ontolearn's own environment; started by ontolearn_side_by_side.py.

    python ontolearn_worker.py REQUEST.json ANSWER.json

Settings are those of Ontolearn's own evaluation script (``examples/concept_learning_cv_evaluation.py``): F1 as the
quality, everything else as it comes. CELOE's limits on steps and on concepts tested are lifted, so that the time
is the only budget. An expression travels as nested lists with full IRIs, see :func:`tree`. With an expression in the
request nothing is learnt, but its instances are retrieved.
"""

import json
import platform
import random
import sys
import time
from importlib.metadata import version
from pathlib import Path

BEGUN = time.perf_counter()

import numpy as np
from ontolearn.knowledge_base import KnowledgeBase
from ontolearn.learners import CELOE, TDL, EvoLearner
from ontolearn.learning_problem import PosNegLPStandard
from ontolearn.metrics import F1
from ontolearn.utils.static_funcs import concept_len
from owlapy import class_expression as owl
from owlapy import owl_expression_to_dl
from owlapy.iri import IRI
from owlapy.owl_datatype import OWLDatatype
from owlapy.owl_individual import OWLNamedIndividual
from owlapy.owl_literal import OWLLiteral
from owlapy.owl_property import OWLDataProperty, OWLObjectInverseOf, OWLObjectProperty
from owlapy.vocab import OWLFacet

IMPORTED = time.perf_counter()

NO_LIMIT = 10**9
DISTRIBUTIONS = ("ontolearn", "owlapy", "owlready2", "torch", "scikit-learn", "deap")
RESTRICTIONS = {
    owl.OWLObjectSomeValuesFrom: "some",
    owl.OWLObjectAllValuesFrom: "only",
    owl.OWLObjectMinCardinality: "at least",
    owl.OWLObjectMaxCardinality: "at most",
}
FACETS = {OWLFacet.MIN_INCLUSIVE: ">=", OWLFacet.MAX_INCLUSIVE: "<="}


def learner(name, kb, seconds, seed):
    """The learner with the settings of Ontolearn's evaluation script."""
    if name == "celoe":
        limits = {"iter_bound": NO_LIMIT, "max_num_of_concepts_tested": NO_LIMIT}
        return CELOE(knowledge_base=kb, quality_func=F1(), max_runtime=seconds, **limits)
    if name == "evolearner":
        return EvoLearner(knowledge_base=kb, quality_func=F1(), max_runtime=seconds)
    options = {"kwargs_classifier": {"random_state": seed}, "max_runtime": seconds, "verbose": 0}
    return TDL(knowledge_base=kb, use_nominals=name != "tdl-no-nominals", **options)


def tree(expression):
    """An expression as nested lists: its constructor first, then what it is made of."""
    if isinstance(expression, owl.OWLClass):
        return ["class", expression.str]
    if isinstance(expression, owl.OWLObjectComplementOf):
        return ["not", tree(expression.get_operand())]
    if isinstance(expression, owl.OWLObjectIntersectionOf):
        return ["and", *map(tree, operands(expression))]
    if isinstance(expression, owl.OWLObjectUnionOf):
        return ["or", *map(tree, operands(expression))]
    if isinstance(expression, owl.OWLObjectOneOf):
        return ["one of", *(individual.str for individual in expression.individuals())]
    if isinstance(expression, owl.OWLObjectHasValue):
        return ["some", *role(expression.get_property()), ["one of", expression.get_filler().str]]
    kind = RESTRICTIONS.get(type(expression))
    if kind is not None:
        number = [expression.get_cardinality()] if kind.startswith("at") else []
        return [kind, *number, *role(expression.get_property()), tree(expression.get_filler())]
    if isinstance(expression, owl.OWLDataHasValue):
        return ["value", expression.get_property().str, *literal(expression.get_filler())]
    if isinstance(expression, owl.OWLDataSomeValuesFrom):
        filler = expression.get_filler()
        if isinstance(filler, owl.OWLDatatypeRestriction):
            bounds = [
                ["bound", expression.get_property().str, FACETS[facet.get_facet()], *literal(facet.get_facet_value())]
                for facet in filler.get_facet_restrictions()
            ]
            if len(bounds) == 1:  # two bounds on one value are not two restrictions
                return bounds[0]
        if isinstance(filler, owl.OWLDataOneOf):
            values = [["value", expression.get_property().str, *literal(value)] for value in filler.values()]
            return values[0] if len(values) == 1 else ["or", *values]
    return ["unsupported", type(expression).__name__]


def expression_of(tree):
    """What :func:`tree` writes, read; the constructors that our answers have."""
    kind, *parts = tree
    if kind == "class":
        return owl.OWLClass(IRI.create(parts[0]))
    if kind == "not":
        return owl.OWLObjectComplementOf(expression_of(parts[0]))
    if kind in ("and", "or"):
        nary = owl.OWLObjectIntersectionOf if kind == "and" else owl.OWLObjectUnionOf
        return nary([expression_of(part) for part in parts])
    if kind in RESTRICTIONS.values():
        *number, iri, inverse, filler = parts
        prop = OWLObjectProperty(IRI.create(iri))
        prop = prop.get_inverse_property() if inverse else prop
        restriction = next(constructor for constructor, name in RESTRICTIONS.items() if name == kind)
        return restriction(*number, prop, expression_of(filler))
    prop, value = OWLDataProperty(IRI.create(parts[0])), OWLLiteral(parts[-2], type_=OWLDatatype(IRI.create(parts[-1])))
    if kind == "value":
        return owl.OWLDataHasValue(prop, value)
    facet = next(facet for facet, name in FACETS.items() if name == parts[1])
    limits = owl.OWLDatatypeRestriction(value.get_datatype(), owl.OWLFacetRestriction(facet, value))
    return owl.OWLDataSomeValuesFrom(prop, limits)


def operands(expression):
    """Operands of an intersection or union, with those of operands of the same kind in their place."""
    open_ones = [expression]
    while open_ones:
        operand = open_ones.pop()
        if type(operand) is type(expression):
            open_ones.extend(reversed(list(operand.operands())))
        else:
            yield operand


def role(expression):
    """A property's IRI, and whether it is inverted."""
    if isinstance(expression, OWLObjectInverseOf):
        return expression.get_named_property().str, True
    return expression.str, False


def literal(value):
    """A literal's lexical form and datatype."""
    return value.get_literal(), value.get_datatype().str


def main():
    request = json.loads(Path(sys.argv[1]).read_text())
    random.seed(request["seed"])
    np.random.seed(request["seed"])
    named = [IRI.create(iri) for iri in request["ignored"]]
    begun = time.perf_counter()
    kb = KnowledgeBase(path=request["ontology"])
    if named:
        kb = kb.ignore_and_copy(ignored_classes=[owl.OWLClass(iri) for iri in named])
    loaded = time.perf_counter()
    positives, negatives = (
        {OWLNamedIndividual(IRI.create(iri)) for iri in request[side]} for side in ("positives", "negatives")
    )
    if "tree" in request:
        found, tested = expression_of(request["tree"]), None
    else:
        model = learner(request["system"], kb, request["seconds"], request["seed"])
        found = model.fit(PosNegLPStandard(pos=positives, neg=negatives)).best_hypotheses(n=1)
        tested = getattr(model, "number_of_tested_concepts", None)
    fitted = time.perf_counter()
    sys.setrecursionlimit(100_000)  # decision trees become nested unions, and what follows is not the learner's
    best = found if isinstance(found, owl.OWLClassExpression) else next(iter(found))
    instances = set(kb.individuals(best))
    hits = len(positives & instances)
    answer = {
        "import_seconds": IMPORTED - BEGUN,
        "load_seconds": loaded - begun,
        "seconds": fitted - loaded,
        "tested": tested,
        "tree": tree(best),
        "written": owl_expression_to_dl(best),
        "own_f1": 2 * hits / (len(positives) + hits + len(negatives & instances)),
        "own_length": concept_len(best),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in DISTRIBUTIONS},
    }
    status = Path("/proc/self/status").read_text()
    answer["peak_kib"] = int(status.split("VmHWM:")[1].split()[0])
    Path(sys.argv[2]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
