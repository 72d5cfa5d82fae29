package retune.core.preprocessing;

import java.lang.Character.UnicodeScript;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The words of a text in any language. A word is a run of letters, digits, underscores and marks,
 * in lower case and in Unicode's compatibility form (NFKC), so that a ligature or a wide letter is
 * the letter that it stands for. A script that does not separate words by spaces gives a word for
 * each character, as the rules of Unicode's Annex 29 do where no dictionary helps; pairs of
 * neighbours then say what a dictionary's words would. An emoji is a word, too: it may be all that
 * a text says.
 */
final class Words {
  /** Asks for a coloured picture where both are possible; the same emoji with or without it. */
  private static final String AS_PICTURE = "\uFE0F";

  private Words() {}

  /** The words, in the order of the text. */
  static List<String> of(String text) {
    String normal =
        (Normalizer.isNormalized(text, Normalizer.Form.NFKC)
                ? text
                : Normalizer.normalize(text, Normalizer.Form.NFKC))
            .toLowerCase(Locale.ROOT)
            .replace(AS_PICTURE, "");
    List<String> words = new ArrayList<>();
    int start = -1;
    boolean isSingle = false;
    int size;
    for (int at = 0; at < normal.length(); at += size) {
      int character = normal.codePointAt(at);
      size = Character.charCount(character);
      boolean isAlone = isAlone(character);
      boolean ends = isAlone || !isPart(character) || (isSingle && !modifies(character));
      if (start >= 0 && ends) {
        words.add(normal.substring(start, at));
        start = -1;
      }
      if (start < 0 && isPart(character)) {
        start = at;
        isSingle = isAlone;
      }
    }
    if (start >= 0) {
      words.add(normal.substring(start));
    }
    return words;
  }

  private static boolean isPart(int character) {
    return Character.isLetterOrDigit(character)
        || modifies(character)
        || isEmoji(character)
        || switch (Character.getType(character)) {
          case Character.CONNECTOR_PUNCTUATION, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
              true;
          default -> false;
        };
  }

  /** Whether a character belongs to the letter before it, whatever the script. */
  private static boolean modifies(int character) {
    return switch (Character.getType(character)) {
      case Character.NON_SPACING_MARK,
          Character.COMBINING_SPACING_MARK,
          Character.ENCLOSING_MARK,
          Character.MODIFIER_LETTER ->
          true;
      default -> false;
    };
  }

  /** Whether a character is a word of its own: an emoji, or a letter whose script has no spaces. */
  private static boolean isAlone(int character) {
    return isEmoji(character) || isOfScriptWithoutSpaces(character);
  }

  private static boolean isEmoji(int character) {
    return character > 0xE00
        && (Character.isExtendedPictographic(character)
            || Character.isEmojiPresentation(character));
  }

  private static boolean isOfScriptWithoutSpaces(int character) {
    return character > 0xE00
        && Character.isLetter(character)
        && switch (UnicodeScript.of(character)) {
          case HAN, HIRAGANA, KATAKANA, THAI, LAO, KHMER, MYANMAR -> true;
          default -> false;
        };
  }
}
