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
-- Table structure for table `redirect`
--

DROP TABLE IF EXISTS `redirect`;
CREATE TABLE `redirect` (
  `rd_from` int(8) unsigned NOT NULL DEFAULT 0,
  `rd_namespace` int(11) NOT NULL DEFAULT 0,
  `rd_title` varbinary(255) NOT NULL DEFAULT '',
  `rd_interwiki` varbinary(32) DEFAULT NULL,
  `rd_fragment` varbinary(255) DEFAULT NULL,
  PRIMARY KEY (`rd_from`),
  KEY `rd_ns_title` (`rd_namespace`,`rd_title`,`rd_from`)
) ENGINE=InnoDB DEFAULT CHARSET=binary ROW_FORMAT=COMPRESSED;

/*!40000 ALTER TABLE `redirect` DISABLE KEYS */;
INSERT INTO `redirect` VALUES
(42,14,'Round_here','',''),
(61,14,'Flowers','',''),
(66,14,'Bicycles','',''),
(70,14,'Round_there','',''),
(193,14,'People','',''),
(195,0,'Titanic','',''),
(236,14,'Automobiles','',''),
(247,14,'Rivers','',''),
(276,14,'Skyscrapers','',''),
(280,14,'Cars','',''),
(308,14,'Shrubs','',''),
(402,0,'Car',NULL,NULL);
/*!40000 ALTER TABLE `redirect` ENABLE KEYS */;

-- Dump completed
