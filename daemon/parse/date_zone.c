#include "parse/date_zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- abbreviations ------------------------------------------------------------------------ */

static const struct {
    char name[6];
    int16_t minutes;
} abbreviations[] = {
    {"gmt", 0},    {"utc", 0},     {"ut", 0},      {"z", 0},      {"wet", 0},     {"west", 60},
    {"bst", 60},   {"cet", 60},    {"met", 60},    {"mez", 60},   {"wat", 60},    {"cest", 120},
    {"mest", 120}, {"mesz", 120},  {"eet", 120},   {"cat", 120},  {"sast", 120},  {"eest", 180},
    {"msk", 180},  {"eat", 180},   {"idt", 180},   {"trt", 180},  {"msd", 240},   {"gst", 240},
    {"pkt", 300},  {"ist", 330},   {"npt", 345},   {"wib", 420},  {"ict", 420},   {"hkt", 480},
    {"sgt", 480},  {"myt", 480},   {"pht", 480},   {"wita", 480}, {"awst", 480},  {"jst", 540},
    {"kst", 540},  {"wit", 540},   {"acst", 570},  {"aest", 600}, {"acdt", 630},  {"aedt", 660},
    {"nzst", 720}, {"nzdt", 780},  {"brt", -180},  {"art", -180}, {"clt", -240},  {"clst", -180},
    {"nst", -210}, {"ndt", -150},  {"ast", -240},  {"adt", -180}, {"at", -240},   {"est", -300},
    {"edt", -240}, {"et", -300},   {"cot", -300},  {"pet", -300}, {"cst", -360},  {"cdt", -300},
    {"ct", -360},  {"mst", -420},  {"mdt", -360},  {"mt", -420},  {"pst", -480},  {"pdt", -420},
    {"pt", -480},  {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"hast", -600}, {"sst", -660},
};

bool zone_abbreviation(const char *s, size_t n, int32_t *ret_offset)
{
    if (n >= sizeof abbreviations[0].name)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(abbreviations); i++)
        if (strlen(abbreviations[i].name) == n && memcmp(abbreviations[i].name, s, n) == 0) {
            *ret_offset = abbreviations[i].minutes * 60;
            return true;
        }
    return false;
}

/* ---- IANA names --------------------------------------------------------------------------- */

/* POSIX TZ strings (IEEE 1003.1, 8.3) and the names that follow them, each between spaces; made
 * from the last line of the files in /usr/share/zoneinfo. */
static const struct {
    const char *posix, *names;
} rules[] = {
    {"<-03>3",
     " america/araguaina america/argentina/buenos_aires america/argentina/catamarca "
     "america/argentina/comodrivadavia america/argentina/cordoba america/argentina/jujuy "
     "america/argentina/la_rioja america/argentina/mendoza america/argentina/rio_gallegos "
     "america/argentina/salta america/argentina/san_juan america/argentina/san_luis "
     "america/argentina/tucuman america/argentina/ushuaia america/asuncion america/bahia "
     "america/belem america/buenos_aires america/catamarca america/cayenne "
     "america/cordoba america/coyhaique america/fortaleza america/jujuy america/maceio "
     "america/mendoza america/montevideo america/paramaribo america/punta_arenas "
     "america/recife america/rosario america/santarem america/sao_paulo antarctica/palmer "
     "antarctica/rothera atlantic/stanley brazil/east etc/gmt+3 "},
    {"CET-1CEST,M3.5.0,M10.5.0/3",
     " africa/ceuta arctic/longyearbyen atlantic/jan_mayen europe/amsterdam "
     "europe/andorra europe/belgrade europe/berlin europe/bratislava europe/brussels "
     "europe/budapest europe/busingen europe/copenhagen europe/gibraltar europe/ljubljana "
     "europe/luxembourg europe/madrid europe/malta europe/monaco europe/oslo europe/paris "
     "europe/podgorica europe/prague europe/rome europe/san_marino europe/sarajevo "
     "europe/skopje europe/stockholm europe/tirane europe/vaduz europe/vatican "
     "europe/vienna europe/warsaw europe/zagreb europe/zurich "},
    {"EST5EDT,M3.2.0,M11.1.0",
     " america/detroit america/fort_wayne america/grand_turk america/indiana/indianapolis "
     "america/indiana/marengo america/indiana/petersburg america/indiana/vevay "
     "america/indiana/vincennes america/indiana/winamac america/indianapolis "
     "america/iqaluit america/kentucky/louisville america/kentucky/monticello "
     "america/louisville america/montreal america/nassau america/new_york america/nipigon "
     "america/pangnirtung america/port-au-prince america/thunder_bay america/toronto "
     "canada/eastern us/east-indiana us/eastern us/michigan "},
    {"AST4", " america/anguilla america/antigua america/aruba america/barbados "
             "america/blanc-sablon america/curacao america/dominica america/grenada "
             "america/guadeloupe america/kralendijk america/lower_princes america/marigot "
             "america/martinique america/montserrat america/port_of_spain america/puerto_rico "
             "america/santo_domingo america/st_barthelemy america/st_kitts america/st_lucia "
             "america/st_thomas america/st_vincent america/tortola america/virgin "},
    {"GMT0", " africa/abidjan africa/accra africa/bamako africa/banjul africa/bissau "
             "africa/conakry africa/dakar africa/freetown africa/lome africa/monrovia "
             "africa/nouakchott africa/ouagadougou africa/sao_tome africa/timbuktu "
             "america/danmarkshavn atlantic/reykjavik atlantic/st_helena etc/gmt etc/gmt+0 "
             "etc/gmt-0 etc/gmt0 etc/greenwich "},
    {"<+05>-5", " antarctica/mawson antarctica/vostok asia/almaty asia/aqtau asia/aqtobe "
                "asia/ashgabat asia/ashkhabad asia/atyrau asia/dushanbe asia/oral asia/qostanay "
                "asia/qyzylorda asia/samarkand asia/tashkent asia/yekaterinburg etc/gmt-5 "
                "indian/kerguelen indian/maldives "},
    {"CST6CDT,M3.2.0,M11.1.0",
     " america/chicago america/indiana/knox america/indiana/tell_city america/knox_in "
     "america/matamoros america/menominee america/north_dakota/beulah "
     "america/north_dakota/center america/north_dakota/new_salem america/ojinaga "
     "america/rainy_river america/rankin_inlet america/resolute america/winnipeg "
     "canada/central us/central us/indiana-starke "},
    {"CST6", " america/bahia_banderas america/belize america/chihuahua america/costa_rica "
             "america/el_salvador america/guatemala america/managua america/merida "
             "america/mexico_city america/monterrey america/regina america/swift_current "
             "america/tegucigalpa canada/saskatchewan mexico/general "},
    {"EET-2EEST,M3.5.0/3,M10.5.0/4",
     " asia/famagusta asia/nicosia europe/athens europe/bucharest europe/helsinki "
     "europe/kiev europe/kyiv europe/mariehamn europe/nicosia europe/riga europe/sofia "
     "europe/tallinn europe/uzhgorod europe/vilnius europe/zaporozhye "},
    {"<+07>-7", " antarctica/davis asia/bangkok asia/barnaul asia/ho_chi_minh asia/hovd "
                "asia/krasnoyarsk asia/novokuznetsk asia/novosibirsk asia/phnom_penh asia/saigon "
                "asia/tomsk asia/vientiane etc/gmt-7 indian/christmas "},
    {"<+03>-3", " antarctica/syowa asia/aden asia/amman asia/baghdad asia/bahrain asia/damascus "
                "asia/istanbul asia/kuwait asia/qatar asia/riyadh etc/gmt-3 europe/istanbul "
                "europe/minsk "},
    {"<+04>-4", " asia/baku asia/dubai asia/muscat asia/tbilisi asia/yerevan etc/gmt-4 "
                "europe/astrakhan europe/samara europe/saratov europe/ulyanovsk indian/mahe "
                "indian/mauritius indian/reunion "},
    {"<+11>-11", " asia/magadan asia/sakhalin asia/srednekolymsk etc/gmt-11 pacific/bougainville "
                 "pacific/efate pacific/guadalcanal pacific/kosrae pacific/noumea pacific/pohnpei "
                 "pacific/ponape "},
    {"<+12>-12", " asia/anadyr asia/kamchatka etc/gmt-12 pacific/fiji pacific/funafuti "
                 "pacific/kwajalein pacific/majuro pacific/nauru pacific/tarawa pacific/wake "
                 "pacific/wallis "},
    {"CAT-2", " africa/blantyre africa/bujumbura africa/gaborone africa/harare africa/juba "
              "africa/khartoum africa/kigali africa/lubumbashi africa/lusaka africa/maputo "
              "africa/windhoek "},
    {"EAT-3", " africa/addis_ababa africa/asmara africa/asmera africa/dar_es_salaam "
              "africa/djibouti africa/kampala africa/mogadishu africa/nairobi indian/antananarivo "
              "indian/comoro indian/mayotte "},
    {"MST7", " america/creston america/dawson america/dawson_creek america/fort_nelson "
             "america/hermosillo america/mazatlan america/phoenix america/whitehorse canada/yukon "
             "mexico/bajasur us/arizona "},
    {"WAT-1", " africa/bangui africa/brazzaville africa/douala africa/kinshasa africa/lagos "
              "africa/libreville africa/luanda africa/malabo africa/ndjamena africa/niamey "
              "africa/porto-novo "},
    {"<+06>-6",
     " asia/bishkek asia/dacca asia/dhaka asia/kashgar asia/omsk asia/thimbu asia/thimphu "
     "asia/urumqi etc/gmt-6 indian/chagos "},
    {"<+08>-8", " antarctica/casey asia/brunei asia/choibalsan asia/irkutsk asia/kuala_lumpur "
                "asia/kuching asia/singapore asia/ulaanbaatar asia/ulan_bator etc/gmt-8 "},
    {"<-04>4", " america/boa_vista america/campo_grande america/caracas america/cuiaba "
               "america/guyana america/la_paz america/manaus america/porto_velho brazil/west "
               "etc/gmt+4 "},
    {"AEST-10AEDT,M10.1.0,M4.1.0/3",
     " antarctica/macquarie australia/act australia/canberra australia/currie "
     "australia/hobart australia/melbourne australia/nsw australia/sydney "
     "australia/tasmania australia/victoria "},
    {"MST7MDT,M3.2.0,M11.1.0",
     " america/boise america/cambridge_bay america/ciudad_juarez america/denver "
     "america/edmonton america/inuvik america/shiprock america/yellowknife "
     "canada/mountain us/mountain "},
    {"<+10>-10",
     " antarctica/dumontdurville asia/ust-nera asia/vladivostok etc/gmt-10 pacific/chuuk "
     "pacific/port_moresby pacific/truk pacific/yap "},
    {"<-05>5", " america/bogota america/eirunepe america/guayaquil america/lima america/porto_acre "
               "america/rio_branco brazil/acre etc/gmt+5 "},
    {"PST8PDT,M3.2.0,M11.1.0",
     " america/ensenada america/los_angeles america/santa_isabel america/tijuana "
     "america/vancouver canada/pacific mexico/bajanorte us/pacific "},
    {"AKST9AKDT,M3.2.0,M11.1.0",
     " america/anchorage america/juneau america/metlakatla america/nome america/sitka "
     "america/yakutat us/alaska "},
    {"AST4ADT,M3.2.0,M11.1.0",
     " america/glace_bay america/goose_bay america/halifax america/moncton america/thule "
     "atlantic/bermuda canada/atlantic "},
    {"CST-8", " asia/chongqing asia/chungking asia/harbin asia/macao asia/macau asia/shanghai "
              "asia/taipei "},
    {"<+09>-9", " asia/chita asia/dili asia/khandyga asia/yakutsk etc/gmt-9 pacific/palau "},
    {"<+13>-13", " etc/gmt-13 pacific/apia pacific/enderbury pacific/fakaofo pacific/kanton "
                 "pacific/tongatapu "},
    {"EST5", " america/atikokan america/cancun america/cayman america/coral_harbour "
             "america/jamaica america/panama "},
    {"GMT0BST,M3.5.0/1,M10.5.0",
     " europe/belfast europe/guernsey europe/isle_of_man europe/jersey europe/london "},
    {"WET0WEST,M3.5.0/1,M10.5.0",
     " atlantic/canary atlantic/faeroe atlantic/faroe atlantic/madeira europe/lisbon "},
    {"<-02>2", " america/noronha atlantic/south_georgia brazil/denoronha etc/gmt+2 "},
    {"ACST-9:30ACDT,M10.1.0,M4.1.0/3",
     " australia/adelaide australia/broken_hill australia/south australia/yancowinna "},
    {"MSK-3", " europe/kirov europe/moscow europe/simferopol europe/volgograd "},
    {"SST11", " pacific/midway pacific/pago_pago pacific/samoa us/samoa "},
    {"UTC0", " etc/uct etc/universal etc/utc etc/zulu "},
    {"<+01>-1", " africa/casablanca africa/el_aaiun etc/gmt-1 "},
    {"<+0630>-6:30", " asia/rangoon asia/yangon indian/cocos "},
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", " america/godthab america/nuuk america/scoresbysund "},
    {"<-10>10", " etc/gmt+10 pacific/rarotonga pacific/tahiti "},
    {"AEST-10", " australia/brisbane australia/lindeman australia/queensland "},
    {"HST10", " pacific/honolulu pacific/johnston us/hawaii "},
    {"HST10HDT,M3.2.0,M11.1.0", " america/adak america/atka us/aleutian "},
    {"NZST-12NZDT,M9.5.0,M4.1.0/3", " antarctica/mcmurdo antarctica/south_pole pacific/auckland "},
    {"SAST-2", " africa/johannesburg africa/maseru africa/mbabane "},
    {"<+0545>-5:45", " asia/kathmandu asia/katmandu "},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", " australia/lhi australia/lord_howe "},
    {"<+14>-14", " etc/gmt-14 pacific/kiritimati "},
    {"<-01>1", " atlantic/cape_verde etc/gmt+1 "},
    {"<-04>4<-03>,M9.1.6/24,M4.1.6/24", " america/santiago chile/continental "},
    {"<-06>6", " etc/gmt+6 pacific/galapagos "},
    {"<-06>6<-05>,M9.1.6/22,M4.1.6/22", " chile/easterisland pacific/easter "},
    {"<-08>8", " etc/gmt+8 pacific/pitcairn "},
    {"<-09>9", " etc/gmt+9 pacific/gambier "},
    {"<-11>11", " etc/gmt+11 pacific/niue "},
    {"ACST-9:30", " australia/darwin australia/north "},
    {"AWST-8", " australia/perth australia/west "},
    {"CET-1", " africa/algiers africa/tunis "},
    {"ChST-10", " pacific/guam pacific/saipan "},
    {"EET-2", " africa/tripoli europe/kaliningrad "},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", " asia/gaza asia/hebron "},
    {"EET-2EEST,M3.5.0,M10.5.0/3", " europe/chisinau europe/tiraspol "},
    {"IST-2IDT,M3.4.4/26,M10.5.0", " asia/jerusalem asia/tel_aviv "},
    {"IST-5:30", " asia/calcutta asia/kolkata "},
    {"KST-9", " asia/pyongyang asia/seoul "},
    {"NST3:30NDT,M3.2.0,M11.1.0", " america/st_johns canada/newfoundland "},
    {"WIB-7", " asia/jakarta asia/pontianak "},
    {"WITA-8", " asia/makassar asia/ujung_pandang "},
    {"<+00>0<+02>-2,M3.5.0/1,M10.5.0/3", " antarctica/troll "},
    {"<+02>-2", " etc/gmt-2 "},
    {"<+0330>-3:30", " asia/tehran "},
    {"<+0430>-4:30", " asia/kabul "},
    {"<+0530>-5:30", " asia/colombo "},
    {"<+0845>-8:45", " australia/eucla "},
    {"<+11>-11<+12>,M10.1.0,M4.1.0/3", " pacific/norfolk "},
    {"<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", " pacific/chatham "},
    {"<-01>1<+00>,M3.5.0/0,M10.5.0/1", " atlantic/azores "},
    {"<-03>3<-02>,M3.2.0,M11.1.0", " america/miquelon "},
    {"<-07>7", " etc/gmt+7 "},
    {"<-0930>9:30", " pacific/marquesas "},
    {"<-12>12", " etc/gmt+12 "},
    {"CST5CDT,M3.2.0/0,M11.1.0/1", " america/havana "},
    {"EET-2EEST,M3.5.0/0,M10.5.0/0", " asia/beirut "},
    {"EET-2EEST,M4.5.5/0,M10.5.4/24", " africa/cairo "},
    {"HKT-8", " asia/hong_kong "},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", " europe/dublin "},
    {"JST-9", " asia/tokyo "},
    {"PKT-5", " asia/karachi "},
    {"PST-8", " asia/manila "},
    {"WIT-9", " asia/jayapura "},
};

static const char *skip_name(const char *p)
{
    if (*p == '<')
        return p + strcspn(p, ">") + 1;
    while ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'))
        p++;
    return p;
}

/* [+-]h[:mm] in seconds. */
static const char *read_hm(const char *p, int32_t *ret)
{
    char *end;
    bool minus = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    int32_t v = (int32_t)strtol(p, &end, 10) * 3600;
    if (*end == ':')
        v += (int32_t)strtol(end + 1, &end, 10) * 60;
    *ret = minus ? -v : v;
    return end;
}

/* Mm.w.d[/time] in YEAR, as seconds since 1970 of the local clock. */
static const char *read_change(const char *p, int year, int64_t *ret)
{
    char *end;
    int month = (int)strtol(p + 1, &end, 10);
    int week = (int)strtol(end + 1, &end, 10);
    int wday = (int)strtol(end + 1, &end, 10);
    int32_t at = 7200;
    if (*end == '/')
        end = (char *)(uintptr_t)read_hm(end + 1, &at);
    int64_t first = clock_days(year, month, 1);
    int64_t day = first + ((wday - (first + 4)) % 7 + 7) % 7 + 7 * (week - 1);
    int64_t next = month == 12 ? clock_days(year + 1, 1, 1) : clock_days(year, month + 1, 1);
    if (day >= next)
        day -= 7;
    *ret = day * 86400 + at;
    return end;
}

static int year_of(int64_t secs)
{
    int year = 1970 + (int)(secs / 31556952);
    while (clock_days(year, 1, 1) * 86400 > secs)
        year--;
    while (clock_days(year + 1, 1, 1) * 86400 <= secs)
        year++;
    return year;
}

static int32_t offset_at(const char *posix, int64_t local)
{
    int32_t std, dst;
    const char *p = read_hm(skip_name(posix), &std);
    if (!*p)
        return -std;
    p = skip_name(p);
    dst = std - 3600;
    if (*p != ',')
        p = read_hm(p, &dst);
    int year = year_of(local);
    const char *changes = p + 1;
    if (year < 2007 && strcmp(changes, "M3.2.0,M11.1.0") == 0)
        changes = "M4.1.0,M10.5.0"; /* the Energy Policy Act of 2005 came into force in 2007 */
    int64_t begin, end;
    p = read_change(changes, year, &begin);
    read_change(p + 1, year, &end);
    bool in = begin < end ? local >= begin && local < end : local >= begin || local < end;
    return in ? -dst : -std;
}

bool zone_iana(const char *s, size_t n, int64_t local, int32_t *ret_offset)
{
    char name[48];
    if (n + 3 > sizeof name)
        return false;
    name[0] = ' ';
    memcpy(name + 1, s, n);
    memcpy(name + 1 + n, " ", 2);
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (strstr(rules[i].names, name)) {
            *ret_offset = offset_at(rules[i].posix, local);
            return true;
        }
    return false;
}
