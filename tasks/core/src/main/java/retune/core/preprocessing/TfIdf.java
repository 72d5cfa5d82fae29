package retune.core.preprocessing;

import java.util.Arrays;
import retune.core.data.Features;

/**
 * Weights of the terms of a text, as scikit-learn's {@code TfidfVectorizer(sublinear_tf=True)}
 * computes them: a term that a text has n times weighs {@code (1 + ln n) · idf}, where {@code idf =
 * 1 + ln((1 + texts) / (1 + texts with the term))}; the weights of a text have the Euclidean norm
 * 1.
 *
 * <p>A text has few of all terms, so that it is encoded as pairs: the position of a term in the
 * vocabulary and its weight, two numbers after each other, in the order of positions. Pairs of
 * weight 0 fill the rest.
 */
public final class TfIdf {
  private TfIdf() {}

  /** Numbers of an encoded text of at most so many terms. */
  public static int encodedSize(int length) {
    return 2 * length;
  }

  /**
   * The inverse document frequency of each term.
   *
   * @param texts the codes of training texts, see {@link TextColumn}
   * @param terms their number
   */
  public static float[] inverseFrequencies(Features texts, int terms) {
    int[] count = new int[terms];
    for (int row = 0; row < texts.rows(); row++) {
      int before = 0;
      for (int[] codes : texts.codes()) {
        int code = codes[row];
        if (code != before && code > 0) {
          count[code - 1]++;
        }
        before = code;
      }
    }
    float[] idf = new float[terms];
    for (int term = 0; term < terms; term++) {
      idf[term] = (float) (1 + Math.log((1.0 + texts.rows()) / (1.0 + count[term])));
    }
    return idf;
  }

  /**
   * Encodes one text.
   *
   * @param codes the codes of texts, {@code [feature][row]}, see {@link TextColumn}
   * @param idf the inverse document frequency of each term
   * @param encoded receives {@link #encodedSize} numbers
   * @param at where the first of them goes
   */
  public static void encode(int[][] codes, int row, float[] idf, float[] encoded, int at) {
    Arrays.fill(encoded, at, at + encodedSize(codes.length), 0);
    int end = at;
    double squares = 0;
    int feature = 0;
    while (feature < codes.length && codes[feature][row] > 0) {
      int code = codes[feature][row];
      int times = 0;
      while (feature < codes.length && codes[feature][row] == code) {
        times++;
        feature++;
      }
      double weight = (1 + Math.log(times)) * idf[code - 1];
      squares += weight * weight;
      encoded[end++] = code - 1;
      encoded[end++] = (float) weight;
    }
    double norm = Math.sqrt(squares);
    for (int weight = at + 1; weight < end; weight += 2) {
      encoded[weight] = (float) (encoded[weight] / norm);
    }
  }
}
