package retune.learning.training;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.LabelMarks;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.core.preprocessing.FitOptions;
import retune.core.preprocessing.Occurrence;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.PreprocessingFitter;
import retune.core.split.Part;
import retune.core.split.Split;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.model.AtomicFile;
import retune.runtime.csv.CsvOptions;
import retune.runtime.csv.CsvSurvey;
import retune.runtime.csv.CsvTables;

/**
 * A table to train on: split 70/15/15 into training, validation and hold-out rows, and turned into
 * features by preprocessing that was fitted on the training rows only.
 *
 * @param labels one class index per row of the features
 * @param parts one {@link Part#code} per row of the features
 * @param holdout positions of the hold-out rows in the table, ascending
 * @param rejected number of rejected rows by reason; each row counts once
 * @param fileHash SHA-256 of the file
 */
public record TrainingTable(
    Target target,
    Preprocessing preprocessing,
    Features features,
    int[] labels,
    byte[] parts,
    int[] holdout,
    Map<String, Integer> rejected,
    String fileHash) {
  private static final Logger LOGGER = System.getLogger(TrainingTable.class.getName());
  private static final double HOLDOUT_SHARE = 0.15;
  private static final double VALIDATION_SHARE_OF_OTHERS = 0.15 / 0.85;

  /** With this many different rows of a class, each part has at least one of them. */
  public static final int LEAST_ROWS_A_CLASS = 4;

  /** Greatest number of classes that a refusal names. */
  private static final int MOST_NAMED = 10;

  /**
   * A file and its columns.
   *
   * @param positive the positive class; required for two classes
   * @param excluded columns other than the target that are not features
   * @param categorical columns to treat as categories
   * @param numeric columns to treat as numbers
   */
  public record Source(
      Path file,
      String target,
      @Nullable String positive,
      List<String> excluded,
      List<String> categorical,
      List<String> numeric) {
    /** Null lists are empty. */
    public static Source of(
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
   * Reads a table. {@link LabelMarks} are no features, unless the source states their type.
   *
   * @param given fitted preprocessing; null to fit it on the training rows
   * @param seed random seed for the split; equal files, excluded columns and seeds are split alike
   */
  public static TrainingTable read(Source source, @Nullable Preprocessing given, long seed)
      throws IOException {
    CsvOptions options = CsvOptions.as(given == null ? null : given.notation());
    CsvSurvey survey = CsvTables.survey(source.file, options);
    survey.doubts().values().forEach(doubt -> LOGGER.log(Level.WARNING, doubt));
    Table table = CsvTables.readAll(source.file, options, survey);
    return of(
        table,
        target(table.column(source.target), source.positive),
        source
            .fitOptions()
            .excludingAlso(LabelMarks.among(table.names()))
            .withNotation(survey.notation()),
        given,
        seed,
        Hashing.sha256(Files.readAllBytes(source.file)));
  }

  /**
   * Splits a table and turns it into features.
   *
   * @param table a table with the target among its columns
   * @param options what is known about the columns other than the target
   * @param given fitted preprocessing; null to fit it on the training rows
   * @param seed see {@link #read}
   * @param fileHash SHA-256 of the file that the table was read from
   */
  public static TrainingTable of(
      Table table,
      Target target,
      FitOptions options,
      @Nullable Preprocessing given,
      long seed,
      String fileHash) {
    int[] labels = target.encode(table.column(target.column()));
    Split split = split(table, target, options.excluded(), seed);
    Table withoutTarget = table.without(Set.of(target.column()));
    Preprocessing preprocessing =
        given == null
            ? PreprocessingFitter.fit(withoutTarget.select(split.rows(Part.TRAINING)), options)
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
        Arrays.stream(kept).filter(row -> split.assignment()[row] == Part.HOLDOUT.code()).toArray(),
        Occurrence.named(result.rejected()),
        fileHash);
  }

  /** The raw training rows, which preprocessing is fitted on, without the target. */
  public static Table trainingRows(Table table, Target target, List<String> excluded, long seed) {
    return table
        .select(split(table, target, excluded, seed).rows(Part.TRAINING))
        .without(Set.of(target.column()));
  }

  private static Split split(Table table, Target target, List<String> excluded, long seed) {
    Set<String> noFeatures = new HashSet<>(excluded);
    noFeatures.add(target.column());
    Table raw = table.without(noFeatures);
    Split split =
        Split.of(
            Hashing.rows(raw, raw.names().stream().sorted().toList()),
            target.encode(table.column(target.column())),
            HOLDOUT_SHARE,
            VALIDATION_SHARE_OF_OTHERS,
            seed);
    if (split.rows(Part.TRAINING).length == 0) {
      throw new InvalidInputException(
          "No rows are left to train on: equal rows stay in one part, and the rows of each class of '%s' are all equal, or empty. Bring rows that differ."
              .formatted(target.column()));
    }
    return split;
  }

  /**
   * Copies at most so many of the hold-out's rows, evenly spread, with the columns that the model
   * reads and the target.
   *
   * @param file the file that this table was read from
   */
  public void copyHoldout(Path file, int most, Path to) throws IOException {
    Set<String> columns = new HashSet<>(preprocessing.rawColumns());
    columns.add(target.column());
    int count = Math.min(holdout.length, most);
    int[] copied =
        IntStream.range(0, count)
            .map(i -> holdout[(int) ((long) i * holdout.length / count)])
            .toArray();
    AtomicFile.write(
        to,
        stream -> {
          Writer text = new OutputStreamWriter(stream, UTF_8);
          CsvTables.copy(file, CsvOptions.DETECT, copied, columns, text);
          text.flush();
        });
  }

  /** The rows of a part, with their labels. */
  LabelledRows part(Part part) {
    return LabelledRows.select(new FeatureRows(features), labels, rows(part));
  }

  /** The rows of a part. */
  public Features features(Part part) {
    return features.select(rows(part));
  }

  /** Rows for training without labels: the training rows and the unlabelled rows. */
  public Features unlabelled() {
    return features.select(
        IntStream.concat(Arrays.stream(rows(Part.TRAINING)), Arrays.stream(rows(Part.EXCLUDED)))
            .sorted()
            .toArray());
  }

  /** Class indices of the rows of a part. */
  public int[] labels(Part part) {
    return Arrays.stream(rows(part)).map(row -> labels[row]).toArray();
  }

  /** The positions of a part's rows in the features. */
  public int[] rows(Part part) {
    return IntStream.range(0, parts.length).filter(row -> parts[row] == part.code()).toArray();
  }

  private static Target target(Column labels, @Nullable String positive) {
    return new Target(labels.name(), List.copyOf(classes(labels).keySet()), positive);
  }

  /**
   * The number of rows of each class, in the order of the class names.
   *
   * @throws InvalidInputException if a class has too few rows to have some in every part
   */
  public static SortedMap<String, Long> classes(Column labels) {
    SortedMap<String, Long> rows =
        IntStream.range(0, labels.rows())
            .mapToObj(labels::text)
            .filter(Objects::nonNull)
            .collect(Collectors.groupingBy(label -> label, TreeMap::new, Collectors.counting()));
    List<String> rare =
        rows.entrySet().stream()
            .filter(one -> one.getValue() < LEAST_ROWS_A_CLASS)
            .map(one -> "'%s' (%d)".formatted(one.getKey(), one.getValue()))
            .toList();
    if (!rare.isEmpty()) {
      throw new InvalidInputException(
          "Too few rows for %d of %d classes of '%s': %s%s; training, validation and hold-out need at least %d together. Add rows of these classes, or remove them from the table."
              .formatted(
                  rare.size(),
                  rows.size(),
                  labels.name(),
                  String.join(", ", rare.subList(0, Math.min(rare.size(), MOST_NAMED))),
                  rare.size() > MOST_NAMED ? " and others" : "",
                  LEAST_ROWS_A_CLASS));
    }
    return rows;
  }
}
