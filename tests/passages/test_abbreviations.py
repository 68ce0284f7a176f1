"""Full stops that end no sentence, in many languages, and those that do."""

import pytest

from ragkit.passages.sentences import split_sentences

# First sentence, second sentence: full stops inside the first one end nothing.
OPEN = [
    ("Der Mietvertrag endet am 3. Oktober 2024 ohne Kündigung.",
     "Die Kaution beträgt drei Monatsmieten."),
    ("Laut Art. 5 Abs. 2 Nr. 3 gilt das ca. 14 Tage, vgl. Abb. 4.", "Danach endet die Frist."),
    ("Die Firma Müller & Co. KG wurde im 19. Jahrhundert von Prof. Dr. A. Schmidt geführt.",
     "Heute gehört sie der Stadt."),
    ("Nájemní smlouva končí dne 3. 10. 2024 bez výpovědi.", "Kauce činí tři měsíční nájmy."),
    ("Podle ust. § 5 odst. 2 písm. a) platí tzv. lhůta 14. října.", "Poté smlouva zaniká."),
    ("Il responsabile del reparto è il sig. Rossi e riceve il martedì.",
     "La riunione è al piano terra."),
    ("Ai sensi dell'art. 5, comma 2, il dott. Bianchi firma a pag. 12.",
     "La copia resta in archivio."),
    ("Umowa wygasa dnia 3. października 2024 r. Warszawa pozostaje siedzibą.",
     "Kaucja wynosi trzy czynsze."),
    ("Zgodnie z art. 5 ust. 2 Kodeksu p. Kowalski oraz dr Nowak, m.in. Jan, płacą.",
     "Termin mija w maju."),
    ("Mötet börjar kl. 15 och hålls bl.a. Anna till ära, t.ex. Sal 3.", "Kaffe serveras efteråt."),
    ("Enligt 5 kap. 3 § gäller ca. 30 dagar.", "Därefter upphör avtalet."),
    ("A szerződés 2024. október 3. napján jár le.", "A kaució háromhavi bérleti díj."),
    ("Mødet begynder kl. 15 og slutter d. 3. Oktober, jf. § 5 stk. 2.", "Der er kaffe bagefter."),
    ("Møtet er den 3. Oktober kl. 15, jf. Forskriften nr. 5.", "Det er kaffe etterpå."),
    ("Sopimus päättyy 3. Lokakuuta 2024 klo. 15, ks. Liite 2.",
     "Vakuus on kolmen kuukauden vuokra."),
    ("Véase la pág. 5 y el art. 2 del Sr. García en la Av. Mayor.", "El plazo termina en mayo."),
    ("Conforme o art. 5 e a pág. 2, o Sr. Silva e a Dra. Costa assinam.",
     "O prazo termina em maio."),
    ("Selon l'art. 5 et la p. 12, M. Dupont et Mme. Martin signent av. Mai.",
     "Le délai expire ensuite."),
    ("Согласно ст. 15 и п. 2 договор с г. Иванов от 3 окт. 2024 г. Москва действует.",
     "Залог равен трём месяцам."),
    ("Встреча с проф. А. С. Петровым будет на ул. Ленина, д. 5.", "Кофе подадут потом."),
    ("Згідно зі ст. 15 та п. 2 договір на вул. Шевченка укладено.",
     "Застава дорівнює трьом місяцям."),
    ("Volgens art. 5 en blz. 12 tekent dhr. Jansen o.a. Mevr. Bakker.",
     "Daarna eindigt de termijn."),
    ("Σύμφωνα με το άρθ. 5 και σελ. 12 ο κ. Παπαδόπουλος υπογράφει.", "Η προθεσμία λήγει."),
    ("Съгласно чл. 15 и ал. 2 договорът на ул. Иван Вазов важи.", "Депозитът е три наема."),
    ("Potrivit art. 5 alin. 2 dl. Popescu semnează pe str. Mare nr. 3.", "Termenul expiră în mai."),
    ("Zmluva končí dňa 3. 10. 2024 podľa ods. 2 a p. Nováka.", "Kaucia je tri nájmy."),
    ("Ugovor istječe 3. listopada 2024. godine prema čl. 5 st. 2.", "Polog iznosi tri najamnine."),
    ("See Fig. 4 and Sec. 2 of Mr. Smith vs. Jones at 5 p.m. Eastern, No. 7.",
     "The term ends in May."),
    ("The U.S. Army paid J. R. Smith approx. 3.5 million on Jan. 5, 2024.", "It was late."),
    ("Die Sitzung am 12. Mai begann um 9 Uhr, s. Anl. B zum Protokoll.",
     "Alle Mitglieder waren da."),
    ("König Ludwig II. Otto war nach Abs. 4 S. 2 der älteste Sohn.", "Er starb im See."),
    ("Schůze se koná 12. Května v ul. Dlouhá č. 7, tj. Praha.", "Vstup je volný."),
    ("Schôdza sa koná 12. Mája na ul. Dlhá č. 7, t. j. Bratislava.", "Vstup je voľný."),
    ("L'ing. Verdi abita in via Roma n. 12, tel. 0532, cfr. Allegato.", "Il contratto è firmato."),
    ("Zebranie odbędzie się 12. Maja przy ul. Długiej, tj. Warszawa, godz. 15.",
     "Wstęp jest wolny."),
    ("Fru Berg kommer tis. 5 maj kl. 9 till rum nr. 4, dvs. Stora salen.", "Alla är välkomna."),
    ("Dr. Kiss és ifj. Nagy a Fő u. 12. számú házban lakik.", "A ház régi."),
    ("Fru Berg kommer den 12. Maj til Storegade nr. 4, dvs. Salen.", "Alle er velkomne."),
    ("Fru Berg kommer den 12. Mai til Storgata nr. 4, dvs. Salen.", "Alle er velkomne."),
    ("Kokous on 12. Toukokuuta klo. 9 ja esim. Matti tulee.", "Kaikki ovat tervetulleita."),
    ("El Dr. Ruiz y la Sra. Gil viven en la Avda. Real núm. 12.", "La casa es vieja."),
    ("Le Dr. Roux et Mgr. Blanc vivent av. Victor Hugo, cf. Annexe.", "La maison est vieille."),
    ("Акад. Павлов жил на пр. Мира, корп. 2, т.е. Москва.", "Дом старый."),
    ("Акад. Павлов жив на просп. Миру, корп. 2, ім. Шевченка.", "Будинок старий."),
    ("Prof. Jansen en mevr. Smit wonen in de Hoofdstr. 12, d.w.z. Utrecht.", "Het huis is oud."),
    ("Prof. Kaya ve Doç. Demir Ankara Cad. No. 12 adresinde oturuyor.", "Ev eski."),
    ("Ο καθ. Παππάς και η κ. Νίκου μένουν στην οδ. Αθηνών αρ. 12.", "Το σπίτι είναι παλιό."),
    ("Dr. Pop și dna. Ionescu locuiesc pe bd. Unirii nr. 12.", "Casa este veche."),
]  # fmt: skip
# A year, a number or a short word before the full stop does not join two sentences.
CLOSED = [
    ("Der Vertrag endet im Jahr 2024.", "Danach ist die Wohnung frei."),
    ("Es waren genau 1500.", "Niemand hatte das erwartet."),
    ("The contract ends in 2024.", "After that the flat is free."),
    ("Water is stored in tank 3.", "Pumps move it to the roof."),
    ("It costs 25.", "Children pay half."),
    ("Smlouva končí v roce 2024.", "Poté je byt volný."),
    ("Le contrat prend fin en 2024.", "Ensuite le logement est libre."),
    ("Il contratto scade nel 2024.", "Poi l'alloggio è libero."),
    ("El contrato termina en 2024.", "Después el piso queda libre."),
    ("Umowa wygasa w 2024.", "Potem mieszkanie jest wolne."),
    ("Avtalet upphör 2024.", "Sedan är lägenheten ledig."),
    ("Договор истекает в 2024.", "Потом квартира свободна."),
    ("Het contract eindigt in 2024.", "Daarna is de woning vrij."),
    ("Sopimus päättyy vuonna 2024.", "Sitten asunto on vapaa."),
    ("A lakás száma 12.", "Utána szabad a lakás."),
    ("Sözleşme 2024'te biter.", "Sonra daire boştur."),
    ("He sat down and would not get up or.", "That was odd."),
    ("Die Preise steigen usw.", "Das ist bekannt."),
    ("Kupili chléb, mléko atd.", "Potom šli domů."),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), [*OPEN, *CLOSED])
def test_sentences_end_where_a_reader_ends_them(first, second):
    text = f"{first} {second}"
    assert [text[each.start : each.end] for each in split_sentences(text)] == [first, second]


def test_a_long_text_decides_by_the_words_around_the_full_stop():
    english = "The tank is in the cellar and it is full. " * 20
    german = "Das Haus ist alt und der Garten ist groß. Es endet am 3. Oktober nach der Frist. "
    text = english + german + "It was in tank 3. Pumps move it to the roof of the house."
    sentences = [text[each.start : each.end] for each in split_sentences(text)]
    assert "Es endet am 3. Oktober nach der Frist." in sentences
    assert sentences[-2:] == ["It was in tank 3.", "Pumps move it to the roof of the house."]
