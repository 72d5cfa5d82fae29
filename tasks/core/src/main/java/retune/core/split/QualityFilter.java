package retune.core.split;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import retune.core.data.Features;
import retune.core.data.Hashing;

/**
 * Leaves out of training and validation what teaches a model wrong things: rows whose label a model
 * gave without confidence, rows with a number that is out of range, equal rows with contradicting
 * labels, and all but the first of equal rows. Rows that judge are never touched.
 *
 * <p>A table of few distinct rows repeats them by nature. Where more than half of the rows would go
 * as contradictions or duplicates, none goes for these two reasons.
 *
 * @param rejected positions of the rejected rows by reason, ascending; each row once
 * @param rows rows of training and validation before, with those of too little confidence
 * @param repeatsByNature whether more than half would have gone as contradictions or duplicates
 */
public record QualityFilter(
    Map<Reason, List<Integer>> rejected, int rows, boolean repeatsByNature) {
  /** Why a row is left out; of several reasons the first counts. */
  public enum Reason {
    /** A model gave the label, with too little confidence. */
    LOW_CONFIDENCE,
    /** A numeric feature is at the limit to which preprocessing clips. */
    OUT_OF_RANGE,
    /** An equal row has another label. */
    CONTRADICTING_LABELS,
    /** Equal to an earlier row, label included. */
    DUPLICATE;

    /** The name in documents and results: {@code duplicate}. */
    public String id() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Looks at the rows of training and validation.
   *
   * @param rowHashes see {@link Hashing#rows}
   * @param labels class index a row
   * @param limits the greatest absolute value of each numeric feature
   * @param lowConfidence rows that the split leaves out, because a model gave their label with too
   *     little confidence
   */
  public static QualityFilter of(
      Split split,
      long[] rowHashes,
      int[] labels,
      Features features,
      float[] limits,
      List<Integer> lowConfidence) {
    int[] rows =
        IntStream.range(0, labels.length).filter(row -> isUsed(split.assignment()[row])).toArray();
    List<Integer> outOfRange = new ArrayList<>();
    List<Integer> contradictions = new ArrayList<>();
    List<Integer> duplicates = new ArrayList<>();
    Map<Long, Integer> labelOf = new HashMap<>();
    Set<Long> contradicted = new HashSet<>();
    for (int row : rows) {
      Integer other = labelOf.putIfAbsent(rowHashes[row], labels[row]);
      if (other != null && other != labels[row]) {
        contradicted.add(rowHashes[row]);
      }
    }
    Set<Long> seen = new HashSet<>();
    for (int row : rows) {
      if (isOutOfRange(features, limits, row)) {
        outOfRange.add(row);
      } else if (contradicted.contains(rowHashes[row])) {
        contradictions.add(row);
      } else if (!seen.add(rowHashes[row])) {
        duplicates.add(row);
      }
    }
    boolean byNature = 2 * (contradictions.size() + duplicates.size()) > rows.length;
    Map<Reason, List<Integer>> rejected = new EnumMap<>(Reason.class);
    rejected.put(Reason.LOW_CONFIDENCE, List.copyOf(lowConfidence));
    rejected.put(Reason.OUT_OF_RANGE, outOfRange);
    rejected.put(Reason.CONTRADICTING_LABELS, byNature ? List.of() : contradictions);
    rejected.put(Reason.DUPLICATE, byNature ? List.of() : duplicates);
    return new QualityFilter(rejected, rows.length + lowConfidence.size(), byNature);
  }

  /** The split without the rejected rows. */
  public Split apply(Split split) {
    byte[] assignment = split.assignment().clone();
    rejected.values().stream()
        .flatMap(List::stream)
        .filter(row -> isUsed(assignment[row]))
        .forEach(row -> assignment[row] = Part.REJECTED.code());
    return new Split(assignment);
  }

  /** Rows left out for a reason. */
  public int count(Reason reason) {
    return rejected.getOrDefault(reason, List.of()).size();
  }

  private static boolean isUsed(byte part) {
    return part == Part.TRAINING.code() || part == Part.VALIDATION.code();
  }

  private static boolean isOutOfRange(Features features, float[] limits, int row) {
    return IntStream.range(0, limits.length)
        .anyMatch(feature -> Math.abs(features.numbers()[feature][row]) >= limits[feature]);
  }
}
