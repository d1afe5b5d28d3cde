/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.14-MariaDB, for debian-linux-gnu (x86_64)
--
-- Written for the demo of neurontology: a miniature wiki made up for it, in the format of a MediaWiki dump of 2026.
-- It is no excerpt of Wikipedia, though it is built like one, with its cycles, hidden and stub categories,
-- category redirects, links to missing pages and difficult titles.
-- ------------------------------------------------------
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET TIME_ZONE='+00:00' */;

--
-- Table structure for table `page_props`
--

DROP TABLE IF EXISTS `page_props`;
CREATE TABLE `page_props` (
  `pp_page` int(8) unsigned NOT NULL,
  `pp_propname` varbinary(60) NOT NULL DEFAULT '',
  `pp_value` blob NOT NULL,
  `pp_sortkey` float DEFAULT NULL,
  PRIMARY KEY (`pp_page`,`pp_propname`),
  UNIQUE KEY `pp_propname_page` (`pp_propname`,`pp_page`)
) ENGINE=InnoDB DEFAULT CHARSET=binary ROW_FORMAT=COMPRESSED;

/*!40000 ALTER TABLE `page_props` DISABLE KEYS */;
INSERT INTO `page_props` VALUES
(102,'hiddencat','',NULL),
(166,'hiddencat','',NULL),
(295,'hiddencat','',NULL),
(30,'hiddencat','',NULL),
(359,'defaultsort','Rose, the',NULL),
(79,'hiddencat','',NULL);
/*!40000 ALTER TABLE `page_props` ENABLE KEYS */;

-- Dump completed
