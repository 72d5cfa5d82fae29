package retune.core.split;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.data.Target;

/**
 * Which row is for training, validation and judging. The same rows and seed give the same split, in
 * whatever order the rows come; rows with equal hashes are always in the same part; each class has
 * the same shares, to within one group of equal rows.
 *
 * @param assignment {@link Part#code} a row
 */
public record Split(byte[] assignment) {
  /** Makes the lifelong parts independent of other uses of the hashes. */
  private static final long LIFELONG = 0x6c6966656c6f6e67L;

  /** Of so many rows, 14 train, 3 validate and 3 judge. */
  private static final long LIFELONG_SHARES = 20;

  private static final long LIFELONG_TRAINING = 14;
  private static final long LIFELONG_VALIDATION = 3;

  /** Share of the rows that judge for life. */
  public static final double LIFELONG_HOLDOUT =
      (double) (LIFELONG_SHARES - LIFELONG_TRAINING - LIFELONG_VALIDATION) / LIFELONG_SHARES;

  /**
   * Rows of each part.
   *
   * @param excluded rows without a label
   * @param duplicates labelled rows that repeat another labelled row
   * @param rejected rows that training and validation leave out
   */
  public record Counts(
      int training, int validation, int holdout, int excluded, int duplicates, int rejected) {
    /**
     * Refuses an empty part.
     *
     * @param batch the rows' batch
     * @param purpose what the rows are for: {@code fine-tuning}
     * @param remedy what to do, as a sentence
     */
    public void requireEachPart(String batch, String purpose, String remedy) {
      if (training == 0 || validation == 0 || holdout == 0) {
        throw new InvalidInputException(
            "'%s' has too few labelled rows for %s: %d for training, %d for validation, %d for the hold-out. %s"
                .formatted(batch, purpose, training, validation, holdout, remedy));
      }
    }
  }

  /** Labelled rows with one hash. */
  private record Group(long hash, List<Integer> rows) {}

  /**
   * Splits rows at random within each class.
   *
   * @param rowHashes see {@link Hashing#rows}; the label is not part of them
   * @param labels class index a row; rows that are {@link Target#UNLABELLED} are excluded
   * @param holdoutShare share of the labelled rows that judges, 0 … 1
   * @param validationShare share of the others that chooses, 0 … 1; for 70/15/15 the shares are
   *     0.15 and 0.15/0.85
   */
  public static Split of(
      long[] rowHashes, int[] labels, double holdoutShare, double validationShare, long seed) {
    return of(rowHashes, labels, holdoutShare, validationShare, seed, (group, part) -> false);
  }

  /**
   * Splits a day's rows at random within each class, but keeps what {@link #forLife} says of them:
   * a row that judges in retrainings judges here, too, and one that chooses there never trains. So
   * a part may be larger than its share where that is small.
   *
   * <p>The parameters are those of {@link #of}.
   */
  public static Split ofDay(
      long[] rowHashes, int[] labels, double holdoutShare, double validationShare, long seed) {
    return of(
        rowHashes,
        labels,
        holdoutShare,
        validationShare,
        seed,
        (group, part) -> forLife(group.hash) == part);
  }

  private static Split of(
      long[] rowHashes,
      int[] labels,
      double holdoutShare,
      double validationShare,
      long seed,
      BiPredicate<Group, Part> belongs) {
    requireShare("hold-out", holdoutShare);
    requireShare("validation", validationShare);
    byte[] assignment = new byte[rowHashes.length];
    for (List<Group> groupsOfClass : groupsByClass(rowHashes, labels).values()) {
      groupsOfClass.sort(
          Comparator.<Group>comparingLong(group -> Hashing.mix(group.hash ^ Hashing.mix(seed)))
              .thenComparingLong(Group::hash));
      int rows = groupsOfClass.stream().mapToInt(group -> group.rows.size()).sum();
      long holdout = Math.round(rows * holdoutShare);
      long validation = Math.round((rows - holdout) * validationShare);
      List<Group> left = give(Part.HOLDOUT, holdout, groupsOfClass, belongs, assignment);
      left = give(Part.VALIDATION, validation, left, belongs, assignment);
      give(Part.TRAINING, rows, left, belongs, assignment);
    }
    return new Split(assignment);
  }

  /**
   * Gives a part the groups that belong to it, and then the first others until it has so many rows.
   *
   * @return the other groups, in order
   */
  private static List<Group> give(
      Part part,
      long rows,
      List<Group> groups,
      BiPredicate<Group, Part> belongs,
      byte[] assignment) {
    List<Group> left = new ArrayList<>();
    long given = 0;
    for (Group group : groups) {
      if (belongs.test(group, part)) {
        group.rows.forEach(row -> assignment[row] = part.code());
        given += group.rows.size();
      } else {
        left.add(group);
      }
    }
    int others = 0;
    while (others < left.size() && given < rows) {
      Group group = left.get(others++);
      group.rows.forEach(row -> assignment[row] = part.code());
      given += group.rows.size();
    }
    return left.subList(others, left.size());
  }

  /**
   * Splits rows 70/15/15 into training, validation and hold-out by their hashes alone, so that a
   * row has the same part for life, whatever rows are beside it.
   *
   * @param rowHashes see {@link #of}
   * @param labels class index a row; rows that are {@link Target#UNLABELLED} are excluded
   */
  public static Split forLife(long[] rowHashes, int[] labels) {
    byte[] assignment = new byte[rowHashes.length];
    for (int row = 0; row < assignment.length; row++) {
      assignment[row] =
          labels[row] == Target.UNLABELLED ? Part.EXCLUDED.code() : forLife(rowHashes[row]).code();
    }
    return new Split(assignment);
  }

  /** The part that a labelled row with this hash has for life. */
  public static Part forLife(long rowHash) {
    long place = Long.remainderUnsigned(Hashing.mix(rowHash ^ LIFELONG), LIFELONG_SHARES);
    return place < LIFELONG_TRAINING
        ? Part.TRAINING
        : place < LIFELONG_TRAINING + LIFELONG_VALIDATION ? Part.VALIDATION : Part.HOLDOUT;
  }

  /** A group whose rows disagree on the label belongs to their most frequent, then least, one. */
  private static Map<Integer, List<Group>> groupsByClass(long[] rowHashes, int[] labels) {
    Map<Long, List<Integer>> rowsByHash = new HashMap<>();
    for (int row = 0; row < rowHashes.length; row++) {
      if (labels[row] != Target.UNLABELLED) {
        rowsByHash.computeIfAbsent(rowHashes[row], hash -> new ArrayList<>()).add(row);
      }
    }
    Map<Integer, List<Group>> groups = new TreeMap<>();
    rowsByHash.forEach(
        (hash, rows) ->
            groups
                .computeIfAbsent(majority(rows, labels), label -> new ArrayList<>())
                .add(new Group(hash, rows)));
    return groups;
  }

  private static int majority(List<Integer> rows, int[] labels) {
    Map<Integer, Long> counts =
        rows.stream().collect(Collectors.groupingBy(row -> labels[row], Collectors.counting()));
    return counts.entrySet().stream()
        .max(
            Map.Entry.<Integer, Long>comparingByValue()
                .thenComparing(Map.Entry.<Integer, Long>comparingByKey().reversed()))
        .orElseThrow()
        .getKey();
  }

  private static void requireShare(String name, double share) {
    if (!(share >= 0 && share <= 1)) {
      throw new InvalidInputException(
          "The " + name + " share is " + share + "; give a number from 0 to 1.");
    }
  }

  /** The rows of a part, ascending. */
  public int[] rows(Part part) {
    return IntStream.range(0, assignment.length)
        .filter(row -> assignment[row] == part.code())
        .toArray();
  }

  /**
   * Counts the rows of each part and checks that no hash is in two parts; a rejected row may equal
   * rows of training and validation.
   *
   * @throws IllegalStateException if a hash is in two parts, so that training would see hold-out
   *     rows
   */
  public Counts verify(long[] rowHashes) {
    if (rowHashes.length != assignment.length) {
      throw new IllegalArgumentException(
          "a split of %d rows for %d rows".formatted(assignment.length, rowHashes.length));
    }
    int[] counts = new int[Part.values().length];
    int duplicates = 0;
    Map<Long, Byte> partOfHash = new HashMap<>();
    for (int row = 0; row < assignment.length; row++) {
      byte part = assignment[row];
      counts[part]++;
      if (part == Part.EXCLUDED.code()) {
        continue;
      }
      Byte earlier = partOfHash.get(rowHashes[row]);
      if (earlier == null || earlier == Part.REJECTED.code()) {
        partOfHash.put(rowHashes[row], part);
      }
      if (earlier != null && !mayBeEqual(earlier, part)) {
        throw new IllegalStateException("row " + row + " equals a row of another part");
      }
      duplicates += earlier == null ? 0 : 1;
    }
    return new Counts(
        counts[Part.TRAINING.code()],
        counts[Part.VALIDATION.code()],
        counts[Part.HOLDOUT.code()],
        counts[Part.EXCLUDED.code()],
        duplicates,
        counts[Part.REJECTED.code()]);
  }

  private static boolean mayBeEqual(byte part, byte other) {
    return part == other
        || (part != Part.HOLDOUT.code()
            && other != Part.HOLDOUT.code()
            && (part == Part.REJECTED.code() || other == Part.REJECTED.code()));
  }

  /** SHA-256 of the part's row hashes, ascending, big-endian: independent of the rows' order. */
  public String digest(Part part, long[] rowHashes) {
    long[] hashes = Arrays.stream(rows(part)).mapToLong(row -> rowHashes[row]).sorted().toArray();
    ByteBuffer bytes = ByteBuffer.allocate(hashes.length * Long.BYTES);
    bytes.asLongBuffer().put(hashes);
    return Hashing.sha256(bytes.array());
  }
}
