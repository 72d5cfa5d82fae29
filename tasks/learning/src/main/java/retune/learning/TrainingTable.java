package retune.learning;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.PreprocessingFitter;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.learning.NetworkInput.FeatureRows;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvTables;

/**
 * A table to learn from: split 70/15/15 into training, validation and hold-out rows, and turned
 * into features by preprocessing that saw the training rows only.
 *
 * @param labels class index a row of the features
 * @param parts {@link Part#code} a row of the features
 * @param fileHash SHA-256 of the file
 */
record TrainingTable(
    Target target,
    Preprocessing preprocessing,
    Features features,
    int[] labels,
    byte[] parts,
    String fileHash) {
  private static final double HOLDOUT_SHARE = 0.15;
  private static final double VALIDATION_SHARE_OF_OTHERS = 0.15 / 0.85;

  /** So many rows a class give each part at least one of them. */
  private static final int LEAST_ROWS_A_CLASS = 4;

  /**
   * Which file, and what its columns are.
   *
   * @param positive the class whose probability is the score; needed where there are two classes
   * @param excluded columns that are no features, beside the target
   * @param categorical columns that are categories whatever they look like
   * @param numeric columns that are quantities whatever they look like
   */
  record Source(
      Path file,
      String target,
      @Nullable String positive,
      List<String> excluded,
      List<String> categorical,
      List<String> numeric) {
    /** Null lists are empty. */
    static Source of(
        String file,
        String target,
        @Nullable String positive,
        @Nullable List<String> excluded,
        @Nullable List<String> categorical,
        @Nullable List<String> numeric) {
      return new Source(
          Path.of(file),
          target,
          positive,
          Objects.requireNonNullElse(excluded, List.of()),
          Objects.requireNonNullElse(categorical, List.of()),
          Objects.requireNonNullElse(numeric, List.of()));
    }

    FitOptions fitOptions() {
      return new FitOptions(excluded, categorical, numeric, List.of(), List.of());
    }
  }

  /**
   * Reads a table.
   *
   * @param given preprocessing that was fitted before; null to fit it on the training rows
   * @param seed another seed splits otherwise; the same file, excluded columns and seed always
   *     split alike
   */
  static TrainingTable read(Source source, @Nullable Preprocessing given, long seed)
      throws IOException {
    Table table = CsvTables.readAll(source.file, CsvOptions.DETECT);
    Column labelColumn = table.column(source.target);
    Target target = target(labelColumn, source.positive);
    int[] labels = target.encode(labelColumn);
    Set<String> noFeatures = new HashSet<>(source.excluded);
    noFeatures.add(source.target);
    Table raw = table.without(noFeatures);
    Split split =
        Split.of(
            Hashing.rows(raw, raw.names().stream().sorted().toList()),
            labels,
            HOLDOUT_SHARE,
            VALIDATION_SHARE_OF_OTHERS,
            seed);
    Table withoutTarget = table.without(Set.of(source.target));
    Preprocessing preprocessing =
        given == null
            ? PreprocessingFitter.fit(
                withoutTarget.select(split.rows(Part.TRAINING)), source.fitOptions())
            : given;
    Preprocessing.Result result = preprocessing.apply(withoutTarget);
    int[] kept = result.keptRows();
    byte[] parts = new byte[kept.length];
    for (int row = 0; row < kept.length; row++) {
      parts[row] = split.assignment()[kept[row]];
    }
    return new TrainingTable(
        target,
        preprocessing,
        result.features(),
        Arrays.stream(kept).map(row -> labels[row]).toArray(),
        parts,
        Hashing.sha256(Files.readAllBytes(source.file)));
  }

  /** The rows of a part, with their labels. */
  Labelled part(Part part) {
    return Labelled.select(new FeatureRows(features), labels, rows(part));
  }

  Features features(Part part) {
    return features.select(rows(part));
  }

  /** What may be looked at without labels: training rows, and rows that have no label. */
  Features unlabelled() {
    return features.select(
        IntStream.concat(Arrays.stream(rows(Part.TRAINING)), Arrays.stream(rows(Part.EXCLUDED)))
            .sorted()
            .toArray());
  }

  private int[] rows(Part part) {
    return IntStream.range(0, parts.length).filter(row -> parts[row] == part.code()).toArray();
  }

  private static Target target(Column labels, @Nullable String positive) {
    Map<String, Long> rows =
        IntStream.range(0, labels.rows())
            .mapToObj(labels::text)
            .filter(Objects::nonNull)
            .collect(Collectors.groupingBy(label -> label, TreeMap::new, Collectors.counting()));
    rows.forEach(
        (label, count) -> {
          if (count < LEAST_ROWS_A_CLASS) {
            throw new InvalidInputException(
                "The class '%s' of '%s' has %d rows; at least %d are needed to train, choose and"
                        .formatted(label, labels.name(), count, LEAST_ROWS_A_CLASS)
                    + " judge, so bring more of them or leave them out.");
          }
        });
    return new Target(labels.name(), new ArrayList<>(rows.keySet()), positive);
  }
}
