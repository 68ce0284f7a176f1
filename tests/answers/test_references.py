"""Questions that refer to something earlier, in many languages, and those that do not."""

import pytest

from ragkit.answers.followup import is_followup

FOLLOWUPS = {
    "it": "Quanto costa la sua installazione in una casa nuova?",
    "pt": "Quanto custa a instalação dela em uma casa nova?",
    "es": "¿Cuánto cuesta su instalación en una casa nueva?",
    "fr": "Combien coûte son installation dans une maison neuve ?",
    "de": "Wie viel kostet ihre Installation in einem neuen Haus?",
    "ro": "Cât costă instalarea acesteia într-o casă nouă?",
    "ca": "Quant costa la seva instal·lació en una casa nova?",
    "nl": "Hoeveel kost de installatie ervan in een nieuw huis?",
    "sv": "Hur mycket kostar dess installation i ett nytt hus?",
    "da": "Hvor meget koster dens installation i et nyt hus?",
    "no": "Hvor mye koster deres installasjon i et nytt hus?",
    "fi": "Kuinka paljon sen asennus uuteen taloon maksaa yhteensä?",
    "et": "Kui palju maksab selle paigaldamine uude majja kokku?",
    "hu": "Mennyibe kerül ennek a telepítése egy új házban?",
    "pl": "Ile kosztuje jej montaż w nowym domu pod miastem?",
    "cs": "Kolik stojí její instalace v novém domě za městem?",
    "sk": "Koľko stojí jej inštalácia v novom dome za mestom?",
    "hr": "Koliko košta njezina ugradnja u novoj kući izvan grada?",
    "sr": "Колико кошта њена уградња у новој кући ван града?",
    "ru": "Сколько стоит её установка в новом доме за городом?",
    "uk": "Скільки коштує її встановлення в новому будинку за містом?",
    "bg": "Колко струва тази инсталация в нова къща извън града?",
    "el": "Πόσο κοστίζει η εγκατάσταση αυτής σε ένα νέο σπίτι;",
    "tr": "Bunun yeni bir eve kurulumu toplam ne kadar tutar?",
    "ar": "كم تكلفة تركيب هذا الجهاز في بيت جديد خارج المدينة؟",
    "he": "כמה עולה ההתקנה שלה בבית חדש מחוץ לעיר?",
    "fa": "هزینه نصب آن در یک خانه جدید بیرون شهر چقدر است؟",
    "hi": "नए घर में इसकी स्थापना में कुल कितना खर्च आता है?",
    "bn": "নতুন বাড়িতে এটি বসাতে মোট কত টাকা খরচ হয়?",
    "ta": "புதிய வீட்டில் அதன் நிறுவல் மொத்தம் எவ்வளவு செலவாகும்?",
    "ko": "새 집에 그것을 설치하는 데 모두 얼마나 드나요?",
    "zh": "在郊外的新房子里安装它一共需要多少钱？",
    "ja": "郊外の新しい家にそれを設置すると全部でいくらかかりますか？",
    "th": "การติดตั้งสิ่งนั้นในบ้านใหม่นอกเมืองมีค่าใช้จ่ายเท่าไร",
    "vi": "Lắp đặt cái đó trong một ngôi nhà mới tốn bao nhiêu tiền?",
    "id": "Berapa biaya pemasangan alat tersebut di rumah yang baru?",
    "ka": "რა ღირს მისი დაყენება ახალ სახლში ქალაქგარეთ?",
    "hy": "Որքա՞ն արժե դրա տեղադրումը նոր տանը քաղաքից դուրս։",
}
STANDALONE = {
    "it": "Quanto costa la pompa di calore in una casa nuova?",
    "pt": "Quanto custa a bomba de calor em uma casa nova?",
    "es": "¿Cuánto cuesta la bomba de calor en una casa nueva?",
    "fr": "Combien coûte la pompe à chaleur dans une maison neuve ?",
    "de": "Wie hoch ist Ihre Gebühr für die Prüfung einer Wärmepumpe?",
    "nl": "Hoeveel kost de warmtepomp in een nieuw huis per jaar?",
    "sv": "Hur mycket kostar värmepumpen i ett nytt hus per år?",
    "da": "Hvor meget koster varmepumpen i et nyt hus om året?",
    "fi": "Kuinka paljon lämpöpumpun asennus uuteen taloon maksaa?",
    "hu": "Mennyibe kerül a hőszivattyú telepítése egy új házban?",
    "pl": "Ile kosztuje montaż pompy ciepła w nowym domu?",
    "cs": "Kolik stojí instalace tepelného čerpadla v novém domě?",
    "ru": "Сколько стоит установка теплового насоса в новом доме?",
    "uk": "Скільки коштує встановлення теплового насоса в новому будинку?",
    "el": "Πόσο κοστίζει η αντλία θερμότητας σε ένα νέο σπίτι;",
    "tr": "Yeni bir eve ısı pompası kurulumu toplam ne kadar tutar?",
    "ar": "كم تكلفة تركيب مضخة حرارية في بيت جديد خارج المدينة؟",
    "he": "כמה עולה התקנת משאבת חום בבית חדש מחוץ לעיר?",
    "hi": "नए घर में हीट पंप की स्थापना में कुल कितना खर्च आता है?",
    "ko": "새 집에 열펌프를 설치하는 데 모두 얼마나 드나요?",
    "zh": "在郊外的新房子里安装热泵一共需要多少钱？",
    "ja": "郊外の新しい家にヒートポンプを設置すると全部でいくらかかりますか？",
    "th": "การติดตั้งปั๊มความร้อนในบ้านใหม่นอกเมืองมีค่าใช้จ่ายเท่าไร",
    "vi": "Lắp đặt máy bơm nhiệt trong một ngôi nhà mới tốn bao nhiêu tiền?",
    "en": "Does sqlite on Windows lock files while Han Solo writes?",
}


@pytest.mark.parametrize("language", FOLLOWUPS)
def test_a_reference_makes_a_followup_in_every_language(language):
    assert is_followup(FOLLOWUPS[language])


@pytest.mark.parametrize("language", STANDALONE)
def test_a_question_without_one_stands_alone(language):
    assert not is_followup(STANDALONE[language])


@pytest.mark.parametrize(
    "question",
    ["E nella vecchia casa di campagna?", "Och i ett gammalt hus då?",
     "A w starym domu za miastem?",
     "А в старом доме за городом?", "Peki ya eski bir evde?", "Και σε ένα παλιό σπίτι;"],
)  # fmt: skip
def test_a_question_that_continues_is_a_followup(question):
    assert is_followup(question)
