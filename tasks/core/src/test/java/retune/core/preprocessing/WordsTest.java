package retune.core.preprocessing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class WordsTest {
  @Test
  void aWordIsARunOfLettersDigitsAndUnderscoresInLowerCase() {
    assertEquals(
        List.of("isn", "t", "a_b", "20", "é"), Words.of("Isn't «a_b», €20... É"), "é composed");
    assertEquals(List.of(), Words.of("  ?! \n"));
    assertEquals(List.of("last"), Words.of("last"));
  }

  @Test
  void formsOfTheSameLetterAreOne() {
    assertEquals(Words.of("e\u0301t\u00e9"), Words.of("\u00e9te\u0301"));
    assertEquals(List.of("first", "where"), Words.of("ﬁrst Ｗｈｅｒｅ"));
  }

  @Test
  void marksBelongToTheirLetters() {
    assertEquals(List.of("मेरा", "कार्ड", "कहाँ", "है"), Words.of("मेरा कार्ड कहाँ है?"));
  }

  @Test
  void aScriptWithoutSpacesGivesAWordForEachCharacter() {
    assertEquals(List.of("我", "的", "卡", "visa", "卡"), Words.of("我的卡，VISA卡"));
    assertEquals(List.of("カー", "ド"), Words.of("カード"), "a lengthened syllable is one");
    assertEquals(List.of("𠀋", "x"), Words.of("𠀋x"), "beyond the basic plane");
    assertEquals(List.of("บั", "ต", "ร"), Words.of("บัตร"), "a mark follows its letter");
  }

  @Test
  void anEmojiIsAWord() {
    assertEquals(List.of("card", "💳", "❌", "ok"), Words.of("Card💳❌ ok!"));
    assertEquals(Words.of("❤"), Words.of("❤\uFE0F"), "with and without a variation selector");
    assertEquals(List.of("🇩", "🇪"), Words.of("🇩🇪 ©"), "a flag is two letters");
  }
}
