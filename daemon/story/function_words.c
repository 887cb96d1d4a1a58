#include "story/function_words.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "story/words.h"

/* One language a line; a word of one that means something in another stays out. */
static const char text[] =
    /* English */
    "the of and to a in for on with at by from as is are was were be been has have had will would"
    " could should may might can it its this that these those he she his her they their we our you"
    " your i my me him them us who what when where why how which not no but or if than then so up"
    " out off over after before about into amid says said say new more most just also one two do"
    " does did an all some any there here now get gets still while because being s t n"
    /* German */
    " der die das den dem des ein eine einer eines einem einen und oder aber in im an am auf aus"
    " bei mit nach von vom zu zum zur fur uber unter vor durch gegen ohne um ist sind war waren "
    "wird"
    " werden wurde hat haben nicht auch nur noch schon sich er sie es wir ihr als wie so dass wenn"
    " mehr sein seine ihre wegen bis"
    /* French */
    " le la les l un une des du de d et ou mais en dans sur sous pour par avec sans au aux ce cette"
    " ces qui que qu est sont etait ete a ont pas ne n plus se s son sa ses leur leurs il elle ils"
    " elles nous vous y comme apres avant entre chez selon"
    /* Spanish */
    " el los las unos unas del al y e o u pero con sin por para como mas se su sus lo le les que"
    " quien es son fue han ha no si ya tras entre sobre desde hasta este esta estos estas ante"
    " muy tambien"
    /* Portuguese */
    " os as um uma uns umas do da dos das em no na nos nas ao aos pelo pela pelos pelas com sem mas"
    " mais nao sim seu sua seus suas foi sao ser tem ter apos ate sobre entre como diz"
    /* Italian */
    " il lo gli uno di dei degli delle della dello nel nella nei nelle sul sulla sui con per tra "
    "fra"
    " che chi non sono e ed ma piu si suo sua alla allo agli alle dal dalla anche come"
    /* Dutch */
    " het een van op te voor met niet dat is zijn wordt werd naar ook maar om bij uit aan door over"
    " heeft hebben deze dit meer nog geen"
    /* Swedish, Danish, Norwegian */
    " och att det som en ett ar av pa for med till den har inte om var ej og er af til ikke jeg vi"
    " har etter efter fra mot blir"
    /* Polish, Czech, Slovak */
    " w z na i do nie sie o jest ze od po za przez dla ze jak ale ma sa co to ve se s v pro ale"
    " jsou byl byla bylo podle pri uz aj ako su"
    /* Slovenian, Croatian, Serbian in Latin */
    " v na in je za se da so pri ki z po bi ne tudi od ob iz ga si kot pa do pred med bo ni bodo "
    "sta"
    " su i u s koji koja koje kako ili nakon zbog"
    /* Russian, Ukrainian, Bulgarian */
    " в во на и с со по из за к ко о об от до для не что как это его ее их он она они мы вы у но а"
    " же бы при был была были будет после из-за или так под над без который также еще уже про"
    " та що як від із це про не до у"
    " се да са ще"
    /* Greek */
    " ο η το οι τα του της των τον την στο στη στην στον στα και με για απο σε που να θα δεν ειναι"
    /* Turkish */
    " ve bir bu ile icin de da daha cok olarak oldu olan gibi ne"
    /* Hungarian, Romanian, Finnish */
    " az egy es hogy nem is van meg si cu din la pe mai fi ja on ei se"
    /* Arabic, as the cutter leaves it; Persian */
    " في من على إلى الى عن مع هذا هذه التي الذي ان أن إن لا ما بعد قبل بين كان كانت قد هو هي او أو"
    " ثم حول خلال ضد عند منذ كل"
    " و در به از که این را با است برای آن"
    /* Hebrew */
    " של על את לא עם הוא היא זה כי גם או אל מן"
    /* Hindi, Marathi */
    " के का की में से को ने पर है हैं और यह वह कि भी एक ही तो था थी थे हो कर लिए इस उस नहीं गया गई"
    " किया जा रहा रही बाद साथ तक अब"
    /* Indonesian, Malay, Vietnamese */
    " yang dan di ke dari untuk dengan pada ini itu dalam akan tidak juga oleh"
    " cua va la cho co trong khong duoc voi nguoi";

#define SLOTS 4096 /* four times the words: look-ups end at once */

static uint32_t table[SLOTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void put(uint32_t hash)
{
    uint32_t i = hash % SLOTS;
    while (table[i] && table[i] != hash)
        i = (i + 1) % SLOTS;
    table[i] = hash;
}

static void build(void)
{
    struct story_word words[1600];
    const char *p = text;
    while (*p) {
        size_t n = strcspn(p, " ");
        size_t k = story_words(p, n, words, ARRAY_SIZE(words));
        for (size_t i = 0; i < k; i++)
            put(words[i].hash);
        p += n + (p[n] == ' ');
    }
}

bool story_is_function_word(uint32_t hash)
{
    pthread_once(&once, build);
    for (uint32_t i = hash % SLOTS; table[i]; i = (i + 1) % SLOTS)
        if (table[i] == hash)
            return true;
    return false;
}
