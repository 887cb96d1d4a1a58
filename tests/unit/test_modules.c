/* The extension modules: which element lands in which field. */
#include "parse_harness.h"

struct row {
    const char *xml, *path, *json;
};
#define CHECK_ALL(rows)                           \
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) \
    check(rows[i].xml, rows[i].path, rows[i].json)

static void dublin_core(void **state)
{
    static const struct row rows[] = {
        {CHANNEL("<dc:title>T</dc:title>"), "title", "\"T\""},
        {CHANNEL("<dc:description>D</dc:description>"), "description", "\"D\""},
        {CHANNEL("<dc:creator>C</dc:creator>"), "authors", "[{\"name\":\"C\"}]"},
        {CHANNEL("<dcterms:creator>T</dcterms:creator><dc:creator>C</dc:creator>"), "authors",
         "[{\"name\":\"C\"}]"},
        {CHANNEL("<dc:contributor>C</dc:contributor><dcterms:contributor>C</dcterms:contributor>"),
         "_tidings.contributors", "[{\"name\":\"C\"}]"},
        {CHANNEL("<dcterms:contributor>T</dcterms:contributor>"), "_tidings.contributors",
         "[{\"name\":\"T\"}]"},
        {CHANNEL("<dc:publisher>P</dc:publisher>"), "_tidings.publisher", "{\"name\":\"P\"}"},
        {CHANNEL("<dc:language>fr</dc:language>"), "language", "\"fr\""},
        {CHANNEL("<dc:rights>R</dc:rights>"), "_tidings.rights", "\"R\""},
        {CHANNEL("<dc:date>2024-02-29</dc:date>"), "_tidings.date_modified",
         "\"2024-02-29T00:00:00Z\""},
        {CHANNEL("<dcterms:issued>2024</dcterms:issued>"), "_tidings.date_published",
         "\"2024-01-01T00:00:00Z\""},
        {ITEM("<dc:subject>S</dc:subject>"), "items.0.tags", "[\"S\"]"},
        {ITEM("<dc:contributor>C</dc:contributor>"), "items.0._tidings.contributors",
         "[{\"name\":\"C\"}]"},
        {ITEM("<dc:description>D &lt;b>x&lt;/b></dc:description>"), "items.0.content_html",
         "\"D <b>x</b>\""},
        {ITEM("<dc:description>1 &lt; 2</dc:description>"), "items.0.content_html", "\"1 &lt; 2\""},
        {ITEM("<dc:language>de</dc:language>"), "items.0.language", "\"de\""},
        {ITEM("<dcterms:modified>2024-05-06T07:08:09Z</dcterms:modified>"), "items.0.date_modified",
         "\"2024-05-06T07:08:09Z\""},
        {ITEM("<dcterms:created>2001-01-01</dcterms:created>"), "items.0.date_published",
         "\"2001-01-01T00:00:00Z\""},
        {"<rss version='2.0' "
         "xmlns:d='HTTP://PURL.ORG/dc/elements/1.0'><channel><d:title>T</d:title>"
         "</channel></rss>",
         "title", "\"T\""},
    };
    CHECK_ALL(rows);
}

static void content(void **state)
{
    static const struct row rows[] = {
        {ITEM("<content:encoded>&lt;b>c&lt;/b></content:encoded><description>d</description>"),
         "items.0.content_html", "\"<b>c</b>\""},
        {ITEM("<content:encoded>c</content:encoded><description>&lt;i>d&lt;/i></description>"),
         "items.0._tidings.summary_html", "\"<i>d</i>\""},
        {ITEM("<xhtml:body><xhtml:p>p</xhtml:p></xhtml:body>"), "items.0.content_html",
         "\"<p>p</p>\""},
        {ITEM("<atom:content type='html'>&lt;b>c&lt;/b></atom:content>"), "items.0.content_html",
         "\"<b>c</b>\""},
        {ITEM("<description><p>not <em>escaped</em></p></description>"), "items.0.content_html",
         "\"<p>not <em>escaped</em></p>\""},
    };
    CHECK_ALL(rows);
}

static void itunes(void **state)
{
    static const struct row rows[] = {
        {CHANNEL("<itunes:author>A</itunes:author>"), "authors", "[{\"name\":\"A\"}]"},
        {CHANNEL("<itunes:subtitle>S</itunes:subtitle><itunes:summary>L</itunes:summary>"),
         "description", "\"L\""},
        {CHANNEL("<itunes:owner><itunes:name>N</itunes:name><itunes:email>e@x.example"
                 "</itunes:email></itunes:owner>"),
         "_tidings.itunes.owner", "{\"email\":\"e@x.example\",\"name\":\"N\"}"},
        {CHANNEL("<itunes:image href='http://a.example/i.jpg'/>"), "icon",
         "\"http://a.example/i.jpg\""},
        {CHANNEL("<itunes:new-feed-url>http://n.example/</itunes:new-feed-url>"),
         "_tidings.itunes.new_feed_url", "\"http://n.example/\""},
        {CHANNEL("<itunes:complete>Yes</itunes:complete>"), "_tidings.itunes.complete", "true"},
        {CHANNEL("<itunes:type>serial</itunes:type>"), "_tidings.itunes.type", "\"serial\""},
        {CHANNEL("<itunes:category text='A'><itunes:category text='B'/></itunes:category>"
                 "<itunes:category text='C'/>"),
         "_tidings.itunes.categories", "[\"A\",\"B\",\"C\"]"},
        {CHANNEL("<itunes:keywords>x, y ,x</itunes:keywords>"), "_tidings.categories",
         "[{\"scheme\":\"http://www.itunes.com/\",\"term\":\"x\"},"
         "{\"scheme\":\"http://www.itunes.com/\",\"term\":\"y\"}]"},
        {ITEM("<itunes:explicit>Clean</itunes:explicit>"), "items.0._tidings.itunes.explicit",
         "false"},
        {ITEM("<itunes:explicit>TRUE</itunes:explicit>"), "items.0._tidings.itunes.explicit",
         "true"},
        {ITEM("<itunes:explicit>maybe</itunes:explicit>"), "items.0._tidings", NULL},
        {ITEM("<itunes:block>whatever</itunes:block>"), "items.0._tidings.itunes.block", "false"},
        {ITEM("<itunes:duration>1:02:03</itunes:duration>"),
         "items.0._tidings.itunes.duration_seconds", "3723"},
        {ITEM("<itunes:duration>3:04</itunes:duration><enclosure url='http://a.example/e'/>"),
         "items.0.attachments.0.duration_in_seconds", "184"},
        {ITEM("<itunes:duration>3:04</itunes:duration><enclosure url='http://a.example/e'/>"
              "<enclosure url='http://a.example/f'/>"),
         "items.0.attachments.0.duration_in_seconds", NULL},
        {ITEM("<itunes:duration>long</itunes:duration>"), "items.0._tidings", NULL},
        {ITEM("<itunes:episode>7</itunes:episode>"), "items.0._tidings.itunes.episode", "7"},
        {ITEM("<itunes:season>2</itunes:season>"), "items.0._tidings.itunes.season", "2"},
        {ITEM("<itunes:episodeType>full</itunes:episodeType>"),
         "items.0._tidings.itunes.episode_type", "\"full\""},
        {ITEM("<itunes:summary>S</itunes:summary>"), "items.0.summary", "\"S\""},
        {ITEM("<itunes:image href='http://a.example/i.jpg'/><media:thumbnail url='t'/>"),
         "items.0.image", "\"http://a.example/i.jpg\""},
        {"<rss version='2.0' xmlns:i='http://www.itunes.com/DTDs/PodCast-1.0.dtd/'><channel>"
         "<i:author>A</i:author></channel></rss>",
         "_tidings.itunes.author", "\"A\""},
    };
    CHECK_ALL(rows);
}

static void podcast(void **state)
{
    static const struct row rows[] = {
        {CHANNEL("<podcast:guid>g</podcast:guid>"), "_tidings.podcast.guid", "\"g\""},
        {CHANNEL("<podcast:medium>music</podcast:medium>"), "_tidings.podcast.medium", "\"music\""},
        {CHANNEL("<podcast:locked owner='o@x.example'>yes</podcast:locked>"),
         "_tidings.podcast.locked", "{\"owner\":\"o@x.example\",\"value\":true}"},
        {CHANNEL("<podcast:funding url='http://f.example/'>Give</podcast:funding>"),
         "_tidings.podcast.funding", "[{\"title\":\"Give\",\"url\":\"http://f.example/\"}]"},
        {ITEM("<podcast:transcript url='http://t.example/' type='text/vtt' language='en' "
              "rel='captions'/>"),
         "items.0._tidings.podcast.transcripts",
         "[{\"language\":\"en\",\"rel\":\"captions\",\"type\":\"text/vtt\",\"url\":"
         "\"http://t.example/\"}]"},
        {ITEM("<podcast:chapters url='http://c.example/' type='application/json'/>"),
         "items.0._tidings.podcast.chapters",
         "{\"type\":\"application/json\",\"url\":\"http://c.example/\"}"},
        {ITEM("<podcast:soundbite startTime='73.5' duration='60'>Best</podcast:soundbite>"),
         "items.0._tidings.podcast.soundbites",
         "[{\"duration_seconds\":60,\"start_seconds\":73.5,\"title\":\"Best\"}]"},
        {ITEM("<podcast:person role='guest' group='cast' img='http://i.example/' "
              "href='http://h.example/'>P</podcast:person>"),
         "items.0._tidings.podcast.persons",
         "[{\"group\":\"cast\",\"image\":\"http://i.example/\",\"name\":\"P\",\"role\":\"guest\","
         "\"url\":\"http://h.example/\"}]"},
        {ITEM("<podcast:location geo='geo:1,2' osm='R1'>Here</podcast:location>"),
         "items.0._tidings.podcast.location",
         "{\"geo\":\"geo:1,2\",\"name\":\"Here\",\"osm\":\"R1\"}"},
        {ITEM("<podcast:season name='S'>3</podcast:season>"), "items.0._tidings.podcast.season",
         "{\"name\":\"S\",\"number\":3}"},
        {ITEM("<podcast:episode display='Ch.3'>204.5</podcast:episode>"),
         "items.0._tidings.podcast.episode", "{\"display\":\"Ch.3\",\"number\":204.5}"},
        {ITEM("<podcast:person role='host'/><podcast:person>P</podcast:person>"),
         "items.0._tidings.podcast.persons", "[{\"name\":\"P\"}]"},
        {ITEM("<podcast:transcript type='text/vtt'/>"), "items.0._tidings", NULL},
        {CHANNEL("<podcast:funding url='javascript:x'>Give</podcast:funding>"), "_tidings.podcast",
         NULL},
        {ITEM("<podcast:soundbite startTime='soon' duration='5'>Best</podcast:soundbite>"),
         "items.0._tidings", NULL},
        {ITEM("<podcast:license url='http://l.example/'>cc</podcast:license>"),
         "items.0._tidings.podcast.license", "{\"name\":\"cc\",\"url\":\"http://l.example/\"}"},
    };
    CHECK_ALL(rows);
}

static void media(void **state)
{
    static const char group[] = ITEM(
        "<media:group><media:title>group</media:title><media:content url='http://a.example/1' "
        "type='video/mp4' medium='video' fileSize='10' duration='1:05' width='4' height='3' "
        "bitrate='128' lang='en'><media:title>content</media:title><media:thumbnail "
        "url='http://a.example/t1'/></media:content></media:group><media:content "
        "url='http://a.example/2.png'/><media:title>own</media:title><media:thumbnail "
        "url='http://a.example/t2' width='5' time='12:05'/>");
    static const struct row rows[] = {
        {group, "items.0._tidings.media.contents",
         "[{\"bitrate\":128,\"duration_seconds\":65,\"height\":3,\"language\":\"en\",\"medium\":"
         "\"video\",\"size_in_bytes\":10,\"type\":\"video/mp4\",\"url\":\"http://a.example/1\","
         "\"width\":4},{\"url\":\"http://a.example/2.png\"}]"},
        {group, "items.0._tidings.media.thumbnails",
         "[{\"url\":\"http://a.example/t1\"},{\"time\":\"12:05\",\"url\":\"http://a.example/t2\","
         "\"width\":5}]"},
        {group, "items.0._tidings.media.title", "\"own\""},
        {group, "items.0.title", "\"own\""},
        {group, "items.0.image", "\"http://a.example/t1\""},
        {ITEM("<media:content url='http://a.example/c'><media:description>c</media:description>"
              "</media:content><media:group><media:description>g</media:description>"
              "</media:group>"),
         "items.0._tidings.media.description", "\"g\""},
        {ITEM("<media:content url='http://a.example/v' type='video/mp4'/><media:content "
              "url='http://a.example/p' type='image/png'/>"),
         "items.0.image", "\"http://a.example/p\""},
        {ITEM("<enclosure url='http://a.example/e' type='image/gif'/>"), "items.0.image",
         "\"http://a.example/e\""},
        {ITEM("<media:credit role='author' scheme='urn:x'>C</media:credit>"),
         "items.0._tidings.media.credits",
         "[{\"name\":\"C\",\"role\":\"author\",\"scheme\":\"urn:x\"}]"},
        {ITEM("<media:keywords>a, b</media:keywords>"), "items.0._tidings.media.keywords",
         "[\"a\",\"b\"]"},
        {ITEM("<media:rating scheme='urn:simple'>adult</media:rating>"),
         "items.0._tidings.media.rating", "{\"scheme\":\"urn:simple\",\"value\":\"adult\"}"},
        {ITEM("<media:player url='http://a.example/p' width='4'/>"),
         "items.0._tidings.media.player", "{\"url\":\"http://a.example/p\",\"width\":4}"},
        {ITEM("<media:license type='text/html' href='http://l.example/'>L</media:license>"),
         "items.0._tidings.media.license",
         "{\"name\":\"L\",\"type\":\"text/html\",\"url\":\"http://l.example/\"}"},
        {ITEM("<media:copyright>C</media:copyright>"), "items.0._tidings.media.copyright", "\"C\""},
        {ITEM("<media:category label='L'>c</media:category>"), "items.0._tidings.categories",
         "[{\"label\":\"L\",\"scheme\":\"http://search.yahoo.com/mrss/category_schema\",\"term\":"
         "\"c\"}]"},
    };
    CHECK_ALL(rows);
}

static void geo(void **state)
{
    static const struct row rows[] = {
        {ITEM("<georss:point>45.5 -71</georss:point>"), "items.0._tidings.geo",
         "{\"coordinates\":[-71,45.5],\"type\":\"Point\"}"},
        {ITEM("<georss:line>1 2 3 4</georss:line>"), "items.0._tidings.geo",
         "{\"coordinates\":[[2,1],[4,3]],\"type\":\"LineString\"}"},
        {ITEM("<georss:polygon>0 0 0 1 1 1</georss:polygon>"), "items.0._tidings.geo.coordinates",
         "[[[0,0],[1,0],[1,1],[0,0]]]"},
        {ITEM("<georss:box>1 2 3 4</georss:box>"), "items.0._tidings.geo",
         "{\"coordinates\":[[2,1],[4,3]],\"type\":\"Box\"}"},
        {ITEM("<georss:line>1 2</georss:line>"), "items.0._tidings", NULL},
        {ITEM("<georss:point>1 x</georss:point>"), "items.0._tidings", NULL},
        {ITEM("<georss:point>nan inf</georss:point>"), "items.0._tidings", NULL},
        {ITEM("<geo:lat>1</geo:lat><geo:long>2</geo:long>"), "items.0._tidings.geo",
         "{\"coordinates\":[2,1],\"type\":\"Point\"}"},
        {ITEM("<geo:Point><geo:long>2</geo:long><geo:lat>1</geo:lat></geo:Point>"),
         "items.0._tidings.geo.coordinates", "[2,1]"},
        {ITEM("<geo:lat>1</geo:lat><geo:lon>2</geo:lon>"), "items.0._tidings.geo.coordinates",
         "[2,1]"},
        {ITEM("<geo:lat>1</geo:lat>"), "items.0._tidings", NULL},
        {ITEM("<geo:lat>x</geo:lat><geo:lat>1</geo:lat><geo:Point><geo:lat>5</geo:lat></geo:Point>"
              "<geo:long>2</geo:long><geo:long>3</geo:long>"),
         "items.0._tidings.geo", "{\"coordinates\":[2,1],\"type\":\"Point\"}"},
        {CHANNEL("<geo:lat>1</geo:lat><item><geo:long>2</geo:long></item>"), "items.0._tidings",
         NULL},
        {ITEM("<georss:where><gml:Point><gml:pos>1 2</gml:pos></gml:Point></georss:where>"),
         "items.0._tidings.geo.coordinates", "[2,1]"},
        {ITEM("<georss:where><gml:LineString srsDimension='3'><gml:posList>1 2 9 3 4 9"
              "</gml:posList></gml:LineString></georss:where>"),
         "items.0._tidings.geo.coordinates", "[[2,1,9],[4,3,9]]"},
        {ITEM("<georss:where><gml:LineString><gml:pos>1 2</gml:pos><gml:pos>3 4</gml:pos>"
              "</gml:LineString></georss:where>"),
         "items.0._tidings.geo.coordinates", "[[2,1],[4,3]]"},
        {ITEM("<georss:where><gml:LineString><gml:pos>1 2</gml:pos><gml:pos>3 x</gml:pos>"
              "</gml:LineString></georss:where>"),
         "items.0._tidings", NULL},
        {ITEM("<georss:where><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>0 0 0 1 1 1 0 "
              "0</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></georss:where>"),
         "items.0._tidings.geo.coordinates", "[[[0,0],[1,0],[1,1],[0,0]]]"},
        {ITEM(
             "<georss:where><gml:Envelope><gml:lowerCorner>1 2</gml:lowerCorner><gml:upperCorner>3 "
             "4</gml:upperCorner></gml:Envelope></georss:where>"),
         "items.0._tidings.geo.type", "\"Box\""},
        {ITEM("<georss:where><gml:Point srsName='EPSG:32633'><gml:pos>500000 4649776</gml:pos>"
              "</gml:Point></georss:where>"),
         "items.0._tidings.geo.coordinates", "[500000,4649776]"},
    };
    CHECK_ALL(rows);
}

static void small_ones(void **state)
{
    static const struct row rows[] = {
        {CHANNEL("<sy:updatePeriod>daily</sy:updatePeriod>"), "_tidings.update_period",
         "\"daily\""},
        {CHANNEL("<sy:updateFrequency>2</sy:updateFrequency>"), "_tidings.update_frequency", "2"},
        {ITEM("<slash:comments>12</slash:comments>"), "items.0._tidings.comments_count", "12"},
        {ITEM("<thr:total>3</thr:total>"), "items.0._tidings.comments_count", "3"},
        {ITEM("<wfw:commentRss>http://a.example/c</wfw:commentRss>"),
         "items.0._tidings.comments_feed_url", "\"http://a.example/c\""},
        {ITEM("<wfw:commentRSS>http://a.example/c</wfw:commentRSS>"),
         "items.0._tidings.comments_feed_url", "\"http://a.example/c\""},
        {ENTRY("<thr:in-reply-to ref='urn:1' href='http://a.example/1' type='text/html'/>"),
         "items.0._tidings.in_reply_to",
         "[{\"id\":\"urn:1\",\"type\":\"text/html\",\"url\":\"http://a.example/1\"}]"},
        {ITEM("<cr:license>http://l.example/1</cr:license>"), "items.0._tidings.license",
         "\"http://l.example/1\""},
        {ITEM("<cc:license resource='http://l.example/3'/>"), "items.0._tidings.license",
         "\"http://l.example/3\""},
        {ITEM("<cc:license rdf:resource='http://l.example/2'/>"), "items.0._tidings.license",
         "\"http://l.example/2\""},
        {ITEM("<fb:origLink>http://o.example/</fb:origLink>"), "items.0._tidings.original_url",
         "\"http://o.example/\""},
        {ITEM("<pheedo:origLink>http://o.example/</pheedo:origLink>"),
         "items.0._tidings.original_url", "\"http://o.example/\""},
        {ITEM("<psc:chapters><psc:chapter start='1:30.5' title='C' href='http://h.example/' "
              "image='http://i.example/'/></psc:chapters><psc:chapters><psc:chapter start='0'/>"
              "</psc:chapters>"),
         "items.0._tidings.chapters",
         "[{\"image\":\"http://i.example/\",\"start_seconds\":90.5,\"title\":\"C\",\"url\":"
         "\"http://h.example/\"}]"},
        {CHANNEL("<atom:link rel='self' href='http://a.example/f'/>"), "feed_url",
         "\"http://a.example/f\""},
        {CHANNEL("<atom:icon>http://a.example/i.ico</atom:icon>"), "favicon",
         "\"http://a.example/i.ico\""},
        {ITEM("<atom:author><atom:name>A</atom:name></atom:author>"), "items.0.authors",
         "[{\"name\":\"A\"}]"},
    };
    CHECK_ALL(rows);
    struct doc d = doc_parse(CHANNEL("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>2"
                                     "</sy:updateFrequency>"));
    assert_int_equal(d.batch->hints.update_ms, 12 * 3600 * 1000);
    doc_free(&d);
}

/* Vocabularies under the other addresses that were given to them. */
#define OTHER(uri, inside) \
    "<rss version='2.0' xmlns:x='" uri "'><channel><item>" inside "</item></channel></rss>"

static void other_uris(void **state)
{
    static const struct row rows[] = {
        {OTHER("http://purl.org/rss/1.0/modules/threading/", "<x:total>3</x:total>"),
         "items.0._tidings.comments_count", "3"},
        {OTHER("http://search.yahoo.com/searchmonkey/media/", "<x:title>M</x:title>"),
         "items.0.title", "\"M\""},
        {OTHER("http://dublincore.org/documents/dcmi-namespace/", "<x:creator>C</x:creator>"),
         "items.0.authors", "[{\"name\":\"C\"}]"},
        {OTHER("http://dublincore.org/documents/dcmi-terms/", "<x:issued>2024-01-02</x:issued>"),
         "items.0.date_published", "\"2024-01-02T00:00:00Z\""},
        {OTHER("http://dublincore.org/specifications/dublin-core/dcmi-terms/",
               "<x:issued>2024-01-02</x:issued>"),
         "items.0.date_published", "\"2024-01-02T00:00:00Z\""},
        {OTHER("http://cyber.law.harvard.edu/rss/creativeCommonsRssModule",
               "<x:license>http://l.example/</x:license>"),
         "items.0._tidings.license", "\"http://l.example/\""},
        {OTHER("http://creativecommons.org/ns#license", "<x:license>http://l.example/</x:license>"),
         "items.0._tidings.license", "\"http://l.example/\""},
        {OTHER("http://www.w3.org/2003/01/geo/", "<x:lat>1</x:lat><x:long>2</x:long>"),
         "items.0._tidings.geo.coordinates", "[2,1]"},
        {OTHER("http://purl.oclc.org/net/rss_2.0/enc#",
               "<x:enclosure x:type='audio/mpeg' x:length='7' rdf:resource='http://a.example/1' "
               "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>"),
         "items.0.attachments",
         "[{\"mime_type\":\"audio/mpeg\",\"size_in_bytes\":7,\"url\":\"http://a.example/1\"}]"},
        {OTHER("http://purl.org/rss/1.0/modules/rss091#", "<x:title>R</x:title>"), "items.0.title",
         "\"R\""},
    };
    CHECK_ALL(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dublin_core), cmocka_unit_test(content),    cmocka_unit_test(itunes),
        cmocka_unit_test(podcast),     cmocka_unit_test(media),      cmocka_unit_test(geo),
        cmocka_unit_test(small_ones),  cmocka_unit_test(other_uris),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
