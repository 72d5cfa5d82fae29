package retune.core.preprocessing;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.RandomAccess;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import retune.core.InvalidInputException;

/**
 * A column of texts, read as terms: the words of a text and its pairs of neighbouring words.
 *
 * <p>It gives {@code length} categorical features. They are the codes of a text's known terms,
 * ascending, a term that occurs twice two times; after the last, they are 0. Two numeric features
 * follow, which say how much of a text the vocabulary covers: its number of words, and the share of
 * these that are unknown.
 *
 * @param terms the vocabulary, those of most training texts first; the term at position i has the
 *     code i + 1
 * @param length greatest number of a text's known terms that are read, 1 … {@value #MOST_LENGTH};
 *     of a longer text, the first ones
 */
public record TextColumn(String name, List<String> terms, int length) {
  /** Greatest number of terms of a vocabulary. */
  public static final int MOST_TERMS = 20_000;

  static final int MOST_LENGTH = 256;

  public TextColumn {
    terms = new Vocabulary(terms);
    if (terms.isEmpty() || length < 1 || length > MOST_LENGTH) {
      throw new InvalidInputException(
          "The column '%s' has %d terms, of which a text may have %d; it needs at least one term and a length of 1 to %d."
              .formatted(name, terms.size(), length, MOST_LENGTH));
    }
  }

  /** Finds a term's position in constant time. */
  private static final class Vocabulary extends AbstractList<String> implements RandomAccess {
    private final String[] terms;
    private final Map<String, Integer> positions;

    Vocabulary(List<String> terms) {
      this.terms = terms.toArray(String[]::new);
      this.positions = HashMap.newHashMap(this.terms.length);
      for (int i = 0; i < this.terms.length; i++) {
        if (positions.put(this.terms[i], i) != null) {
          throw new InvalidInputException(
              "The vocabulary has the term '%s' twice; make the version again."
                  .formatted(this.terms[i]));
        }
      }
    }

    @Override
    public String get(int position) {
      return terms[position];
    }

    @Override
    public int size() {
      return terms.length;
    }

    @Override
    public int indexOf(Object term) {
      return term instanceof String text ? positions.getOrDefault(text, -1) : -1;
    }
  }

  /**
   * A text as features.
   *
   * @param codes of its known terms, ascending, at most {@link TextColumn#length}
   * @param words their number
   * @param unknown number of words that are not in the vocabulary
   * @param isShortened whether the text has more known terms
   */
  record Coded(int[] codes, int words, int unknown, boolean isShortened) {
    float unknownShare() {
      return words == 0 ? 0 : (float) unknown / words;
    }
  }

  /** The names of the features that are codes of terms. */
  public List<String> codeFeatures() {
    return IntStream.rangeClosed(1, length).mapToObj(i -> name + "_term_" + i).toList();
  }

  /** The names of the numeric features. */
  List<String> numericFeatures() {
    return List.of(name + "_words", name + "_unknown_share");
  }

  /** The names of all features. */
  List<String> features() {
    return Stream.concat(codeFeatures().stream(), numericFeatures().stream()).toList();
  }

  /** Number of codes: each term's, and 0. */
  int cardinality() {
    return terms.size() + 1;
  }

  /** The terms of a text that has these words, in the order of their ends. */
  static void forEachTerm(List<String> words, Consumer<String> use) {
    String before = null;
    for (String word : words) {
      use.accept(word);
      if (before != null) {
        use.accept(before + ' ' + word);
      }
      before = word;
    }
  }

  Coded code(String text) {
    List<String> words = Words.of(text);
    int[] codes = new int[Math.min(length, 2 * words.size())];
    int found = 0;
    int unknown = 0;
    boolean isShortened = false;
    String before = null;
    for (String word : words) {
      int single = terms.indexOf(word);
      int pair = before == null ? -1 : terms.indexOf(before + ' ' + word);
      unknown += single < 0 ? 1 : 0;
      for (int position : new int[] {single, pair}) {
        if (position >= 0 && found < length) {
          codes[found++] = position + 1;
        } else if (position >= 0) {
          isShortened = true;
        }
      }
      before = word;
    }
    codes = Arrays.copyOf(codes, found);
    Arrays.sort(codes);
    return new Coded(codes, words.size(), unknown, isShortened);
  }
}
