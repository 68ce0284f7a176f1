"""The little words of each language, by its ISO 639-1 code.

Articles, pronouns, prepositions, auxiliaries: what nobody searches for, and what a text's language
is known by. Written as they stand in a lowercased text, without what an apostrophe cuts off.
Knows no more than the lists.
"""

from __future__ import annotations

_LISTS = {
    "ar": """
        أن أنا أو أي أين إذا إلى إن اذا التي الذي الذين الى ان او بعد بعض به بها بين تلك ثم حتى
        حيث خلال ذلك على عن عند غير في فيه فيها قبل قد كان كانت كل كما كيف لا لكن لم لماذا لن له
        لها ما ماذا متى مع من منه منها نحن هذا هذه هل هم هو هي و يكون""",
    "cs": """
        a aby ale ani ano asi bez bude by byl byla bylo být co což do i jak jako je jeho jejich
        její jen jsem jsou k kde když která které který má může na nad ne nebo není o od po pod
        podle pro proto před při s se si tak také tento to toto už v ve z za ze že""",
    "da": """
        ad af alle at blev bliver da de dem den denne der deres det dette dig din disse du efter
        eller en er et for fra ham han hans har have her hun hvad hvis hvor hvordan hvornår i ikke
        ind jeg jo kan kunne man med men mig min mod ned nogle nu når og også om op os over på sig
        sin skal som så til ud under var ved vi vil være""",
    "de": """
        aber alle als also am an auch auf aus bei beim bin bis bist da damit dann das dass dem den
        denn der des die dies diese dieser dieses doch dort du durch ein eine einem einen einer
        eines er es für hat hatte ich ihm ihn ihr ihre im in ins ist ja kann kein keine können man
        mein mich mit muss nach nicht noch nur ob oder ohne sein seine sich sie sind so um und uns
        unter vom von vor wann war waren warum was weil welche welcher welches wenn wer werden wie
        wir wird wo wurde zu zum zur über""",
    "el": """
        ένα έναν ένας ή ήταν αλλά αν από αυτή αυτό αυτός για γιατί δε δεν είναι η θα και κατά κι
        μία μας με μετά μια μου να ο οι ποια ποιος που πού προς πως πότε πώς σας σε σου στα στη
        στην στις στο στον στους τα την της τι τις το τον του τους των ως όπως όταν ότι""",
    "en": """
        a about after all also am an and any anyone anything are as at be because been before
        being between both but by can could did do does doing don during each else everyone
        everything for from had has have having he her here him his how i if in into is it its
        itself just ll me more most my no nor not of off on once only or other our out over own re
        s same she should so some someone something such t than that the their them then there
        these they this those through to too under until up us ve very was we were what when where
        which while who whom whose why will with would you your""",
    "es": """
        a al algo ante aunque como con contra cual cuando cuál cuáles cuándo cuántos cómo de del
        desde donde durante dónde e el ella ellos en entre era es esa ese eso esta este esto estos
        está están fue ha hace han hasta hay la las le les lo los me mi muy más ni no nos o para
        pero por porque que quien quién qué se ser si sin sobre son su sus también te tiene todo
        tu un una uno y ya yo él""",
    "fi": """
        ei eivät että he hän ja jo joka jos jossa jotka kanssa kuin kuka kun me miksi mikä milloin
        missä miten mitä mukaan mutta myös ne niin nyt näin ole oli olivat olla on ovat se sekä
        sen siitä sitä tai tämä tämän vain voi""",
    "fr": """
        ai au aux avec c ce ces cette comme comment d dans de depuis des dont du elle elles en
        entre est et eu fait il ils j je l la le les leur leurs lui m mais me mes moi mon même n
        ne nos notre nous on ont ou où par pas plus pour pourquoi qu quand que quel quelle quelles
        quels qui quoi s sa sans se ses si son sont sous sur t ta te toi ton tous tout tu un une
        vos votre vous y à été être""",
    "hu": """
        a ahol aki amely ami az azt be csak de egy ekkor el ez ezt fel ha hogy hogyan is ki le
        lehet meg mely melyik mert mi mikor mint miért már más még nem nincs o pedig s sem szerint
        számára után vagy van volt voltak én és össze új ő""",
    "id": """
        ada adalah agar akan atau bagaimana bahwa bisa dalam dan dapat dari dengan di dia hanya
        harus ini itu jika juga kami karena ke kepada kita mereka oleh pada para saat saya sebagai
        sebuah secara seperti serta sudah telah tetapi tidak untuk yang""",
    "it": """
        a ad agli ai al alla alle allo anche c che chi ci coi col come con cosa cui d da dagli dai
        dal dalla dalle dei del della delle dello di dopo dove e ed era essere fra gli ha hanno i
        il in io l la le lei li lo loro lui ma mi mia ne negli nei nel nella nelle nello noi non
        nostro o per perché più quale quali quando quanto quella quello questa questo se si sia
        sono sta su sua sue sugli sui sul sulla suo ti tra tu tutti un una uno vi voi è""",
    "nl": """
        aan al alle als bij daar dan dat de deze die dit door een en er had heb hebben heeft het
        hier hij hoe hun ik in is je kan kon maar me meer met mij mijn moet na naar niet nog nu of
        om onder ons ook op over te tegen toch toen tot uit van veel voor waar waarom wanneer want
        waren was wat we welke werd wie wij worden wordt zal ze zich zij zijn zo zonder zou""",
    "no": """
        alle at av ble blir da de den denne der dere det dette din disse du eller en enn er et
        etter for fordi fra før ha hadde han har hun hva hvem hver hvilken hvis hvor hvordan
        hvorfor i ikke inn jeg kan kunne man med meg mellom men mot må noe noen nå når og også om
        opp oss over på seg sin skal skulle slik som så til ut var ved vi vil være vært""",
    "pl": """
        a aby ale by być był była było co czy dla do gdy gdzie go i ich ile jak jako jego jej jest
        jeszcze już kiedy kto która które który lub ma między może można na nad nie niż o od oraz
        po pod podczas przed przez przy się są tak także tego tej ten to tylko tym u w we więc z
        za ze że""",
    "pt": """
        a ao aos as até com como da das de dela dele depois do dos e ela ele eles em entre era
        essa esse esta este está eu foi for foram há isso isto já lhe mais mas me mesmo meu muito
        na nas no nos num numa não o onde os ou para pela pelas pelo pelos por porque quais qual
        quando que quem se sem ser seu seus sobre sua suas são só também te tem um uma você às é""",
    "ro": """
        a acea această acest aceste al ale am ar are as au aș care ce cel cele cine cu cum când că
        da de deci despre din după ea ei el era este eu fi fie fost iar la lor lui mai mult ne
        nici noi nu o ori pe pentru prin sa sau se si sunt să te un una unde unei unui va vor în
        într și""",
    "ru": """
        а без бы был была были было быть в вам вас во вот все всех вы где да для до его ее если
        есть еще же за здесь и из или им их к как какая какие какой когда которая которые который
        кто ли между меня мне мы на над не него нет ни них но ну о об он она они оно от по под
        почему при про с свой себя со так также там то того только том ты у уже чего чем что чтобы
        эта эти это этого этот я""",
    "sv": """
        alla att av blev bli blir de dem den denna deras dess det detta dig din du där då efter
        eller en ett från för ha hade han hans har hon hur här i icke in inte jag kan kunde man
        med mellan men mig min mot mycket ni nu när någon något några och om oss på samt sig sin
        ska skall som så till under upp ut utan vad var vara varför vem vi vid vilka vilken vilket
        är över""",
    "tr": """
        ama ancak bir biri bu bunu da daha de den değil diye en gibi göre hangi hem her ile ise
        için kadar ki kim mi mu mı nasıl ne neden nerede o olan olarak oldu olduğu onu sonra tüm
        ve veya ya yani zaman çok çünkü şu""",
    "uk": """
        а або але без був була були було бути в вже вона вони все від він для до з за й його коли
        ми між на навіть не ну ні о один по при про та так також там те ти то тільки у це цей
        цього ці через чи що щоб я як яка який які є і із їх""",
    "vi": """
        bị cho các có cũng của gì hoặc khi không là mà một người như nhưng những nào này ra sao sẽ
        theo thì trong trên tại từ và vào về với đã đó được đến để""",
}  # fmt: skip
STOP_WORDS = {code: frozenset(words.split()) for code, words in _LISTS.items()}
