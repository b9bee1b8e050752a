//! Words that many texts begin with, lower case: what they have in common tells nobody's text from another's.

/// Greetings and what goes with them, in the languages that [`COMMON`] knows.
pub(super) const GREETING: &str = "\
hello hi hey hiya howdy dear good morning evening afternoon night day how are is you doing going today tonight tomorrow \
yesterday thanks thank thx ok okay yes yeah yep no nope please sorry happy birthday merry christmas new year love miss \
congratulations congrats welcome see later soon great nice fine cool test testing message everyone everybody all guys \
folks friend friends mum mom dad sir madam what's whats up well hope bye goodbye weekend well lol haha \
hallo guten tag morgen abend nacht wie geht es dir ihnen danke bitte ja nein liebe lieber grüße gruß servus moin alles \
gute geburtstag heute gestern \
bonjour bonsoir salut coucou merci ça va bien comment vas tu allez vous cher chère oui non anniversaire demain \
hola buenos buenas días dias tardes noches qué que tal cómo como estás estas gracias sí si feliz cumpleaños mañana \
olá ola oi bom boa dia tarde noite tudo bem obrigado obrigada sim não nao feliz aniversário amanhã \
ciao buongiorno buonasera come stai grazie sì domani auguri \
hoi goedemorgen goedenavond hoe gaat het dank dankjewel morgen \
cześć czesc dzień dobry jak się masz dzięki tak nie jutro \
merhaba selam nasılsın nasilsin iyi günler teşekkürler evet hayır \
привет здравствуй здравствуйте как дела спасибо да нет доброе утро добрый день вечер пока завтра \
halo apa kabar selamat pagi siang malam terima kasih ya tidak";

/// The commonest words of English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Turkish, Russian and
/// Indonesian.
pub(super) const COMMON: &str = "\
a about after again all always am an and any anything at away back be because been before being best better big both but \
by call called came can can't cannot car check come coming could couldn't did didn't do does doesn't don't done down each \
eat else end even ever every far feel few find first food for from fun get getting give go gone gonna got guess had has \
hasn't have haven't having he he'll he's heard help her here here's him his home house i i'd i'll i'm i've if i'll in into \
isn't it it'll it's its job just keep kind know last late leave left let let's life like little live long look looking lot \
made make man many may maybe me mean meet might mind minutes money more most much must my name need never next not nothing \
now of off old on once one only or other our out over own people phone pick place plan play pretty put ready really right \
room said same saw say school send sent she she's should show so some someone something still stop stuff such sure take \
talk tell than that that's the their them then there there's these they they're thing things think this those thought time \
to told too took trip trying two under until us use used very wait want wanted was wasn't watch way we we'll we're we've \
week went were what when where which while who why will with won't work working would wouldn't write wrong years you'll \
you're you've your yours three four five six seven eight nine ten hour hours minute monday tuesday wednesday thursday friday \
saturday sunday january february march april june july august september october november december station street town city \
family brother sister mother father kids children baby son daughter wife husband boss office doctor dinner lunch breakfast \
party birthday meeting email number address picture photo video link code verification password account order delivery \
package payment available reminder appointment your's \
ich du er sie wir ihr mich dich mir uns euch der die das den dem des ein eine einen einem einer und oder aber auch auf aus \
bei bin bist sind war mit nach nicht noch nur schon sehr von vor zu zum zur was wann wo wer warum wenn dass weil für über \
um im in am an hat habe haben hast kann kannst können muss will wollen wird werden mein meine dein deine ist so dann da hier \
mal doch gut man kommen komme kommt gehen gehe \
je il elle on nous le la les un une des du de et ou mais avec pour dans sur sous par ne pas plus très est suis es sont ai as \
avons avez ont mon ma mes ton ta tes son sa ses ce cette qui quoi quand où pourquoi si tout tous fait faire peux peut dois \
je j'ai c'est aller vais au aux en y à \
yo tú él ella nosotros el los las una unos y o pero con por para en sobre sin del al no más muy es soy eres son he has ha \
hemos han mi mis tu tus su sus este esta eso quien cuando donde dónde porque todo todos puedo puedes voy vas va vamos a de lo \
se me te le nos \
eu você voce ele ela nós os as um uma e ou mas com por para em no na nos nas do da dos das mais muito é sou são tenho tem \
meu minha seu sua isso quem quando onde porque todos posso vou vai vamos \
io lui lei noi voi il lo gli uno ed ma per nel nella sul della dei non più molto è sono sei siamo ho hai abbiamo mio mia tuo \
tua questo chi dove perché tutto posso puoi vado vai andiamo di da che si ci mi ti \
ik jij je hij zij wij we de een en of maar met voor op van naar niet nog heel ben bent was heb hebt heeft mijn jouw dit dat wie \
waar waarom als kan moet wil ga gaat te \
ja ty on ona my wy i lub ale z w na do od o nie to jest są mam masz ma mój moja ten ta kto kiedy gdzie bo co się mnie ci \
ben sen o biz siz bu şu ve veya ama ile için çok var yok mi ne kim nerede neden bir da de \
я ты он она мы вы они и или но с со в на по за к у о от до не это есть был была мой моя твой кто что где когда потому все \
мне тебе меня тебя его её нас вас так уже ещё еще только там тут если \
aku saya kamu dia kami kita mereka dan atau tapi dengan untuk di ke dari ini itu ada sudah belum akan bisa mau yang";

/// The characters that most of Chinese and Japanese messages are made of; kana count by themselves.
pub(super) const HAN: &str = "\
的一是不了在人有我他这那你们来到时大地为子中说生国年着就和要她出也得里后自以会家可下而过天去能对小多然于心学么之都好看起发当没成只如事把还用第样道想作种开\
美总从无情己面最女但现前些所同日手又行意动方期它头经长儿回位分爱老因很给名法间斯知世什两次使身者被高已亲其进此话常与活正感明问力理今吗呢吧啊哦嗯嘛您請请謝谢\
谢早晚安上午吃饭工作忙近怎几点见面等快乐生日祝新年帮认識识朋友电话手机号码收到可以没关系明天昨天周末時間们這個們會說來對沒麼還見";
