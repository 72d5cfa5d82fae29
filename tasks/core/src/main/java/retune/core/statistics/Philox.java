package retune.core.statistics;

/**
 * The counter-based random number generator Philox4x64-10 (Salmon et al., 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"). It yields the numbers of NumPy's {@code Philox(key=[seed, 0],
 * counter=[0, stream, 0, 0]).random_raw()}, so that an independent program can repeat a draw. Not
 * safe for use by several threads; give each its own stream.
 */
public final class Philox {
  private static final int ROUNDS = 10;
  private static final int WORDS = 4;
  private static final long MULTIPLIER_0 = 0xD2E7470EE14C6C93L;
  private static final long MULTIPLIER_1 = 0xCA5A826395121157L;
  private static final long WEYL_0 = 0x9E3779B97F4A7C15L;
  private static final long WEYL_1 = 0xBB67AE8584CAA73BL;

  private final long seed;
  private final long stream;
  private final long[] block = new long[WORDS];
  private long counter;
  private int used = WORDS;

  /**
   * Starts at the first number of a stream.
   *
   * @param seed selects the family of streams
   * @param stream selects one of 2⁶⁴ independent streams of that family
   */
  public Philox(long seed, long stream) {
    this.seed = seed;
    this.stream = stream;
  }

  /** The next 64 uniform bits. */
  public long nextLong() {
    if (used == WORDS) {
      counter++;
      fillBlock();
      used = 0;
    }
    return block[used++];
  }

  /** The next number from 0 (inclusive) to 1 (exclusive): the upper 53 of 64 bits. */
  public double nextDouble() {
    return (nextLong() >>> 11) * 0x1p-53;
  }

  /**
   * Fills an array with indices from 0 to {@code bound} − 1, two from each 64 bits: of the upper
   * half first, then of the lower, each {@code half · bound >> 32}. The probabilities of two
   * indices differ by at most {@code bound} / 2³².
   *
   * @param bound at least 1
   */
  public void fillIndices(int[] indices, int bound) {
    for (int i = 0; i < indices.length; i += 2) {
      long bits = nextLong();
      indices[i] = (int) (((bits >>> 32) * bound) >>> 32);
      if (i + 1 < indices.length) {
        indices[i + 1] = (int) (((bits & 0xFFFFFFFFL) * bound) >>> 32);
      }
    }
  }

  private void fillBlock() {
    long word0 = counter;
    long word1 = stream;
    long word2 = 0;
    long word3 = 0;
    long key0 = seed;
    long key1 = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long high0 = Math.unsignedMultiplyHigh(MULTIPLIER_0, word0);
      long low0 = MULTIPLIER_0 * word0;
      long high1 = Math.unsignedMultiplyHigh(MULTIPLIER_1, word2);
      long low1 = MULTIPLIER_1 * word2;
      word0 = high1 ^ word1 ^ key0;
      word1 = low1;
      word2 = high0 ^ word3 ^ key1;
      word3 = low0;
      key0 += WEYL_0;
      key1 += WEYL_1;
    }
    block[0] = word0;
    block[1] = word1;
    block[2] = word2;
    block[3] = word3;
  }
}
