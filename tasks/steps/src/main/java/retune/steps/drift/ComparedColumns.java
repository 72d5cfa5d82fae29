package retune.steps.drift;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.drift.ComparedColumn;
import retune.core.drift.ComparedColumn.Codes;
import retune.core.drift.ComparedColumn.Numbers;
import retune.core.drift.ComparedColumn.Property;
import retune.core.drift.ComparedColumn.Share;
import retune.core.preprocessing.Categories;
import retune.core.preprocessing.DateColumn;
import retune.core.preprocessing.DatePart;
import retune.core.preprocessing.MissingValues;
import retune.core.preprocessing.Occurrence;
import retune.core.preprocessing.Outcome;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.Scaling;
import retune.core.preprocessing.TextColumn;
import retune.model.ModelVersion;
import retune.model.engine.Outputs;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/** A model's inputs and answers as columns to compare, under the names that people know. */
public final class ComparedColumns {
  /** Words of a text that are compared: the most frequent of the vocabulary. */
  private static final int MOST_WORDS = 50;

  private final Preprocessing preprocessing;
  private final Map<String, List<String>> categories = new HashMap<>();
  private final Map<String, Scaling> scalings = new HashMap<>();
  private final Set<String> indicators = new HashSet<>();
  private final Set<String> dateParts = new TreeSet<>();
  private final Set<String> termCodes = new HashSet<>();

  public ComparedColumns(Preprocessing preprocessing) {
    this.preprocessing = preprocessing;
    preprocessing
        .categorical()
        .forEach(column -> categories.put(column.name(), texts(column.categories())));
    preprocessing.numeric().forEach(column -> scalings.put(column.name(), column.scaling()));
    preprocessing
        .dates()
        .forEach(
            column -> {
              column.categorical().forEach(part -> add(column, part.part()));
              column.numeric().forEach(part -> add(column, part.part()));
            });
    TextColumn text = preprocessing.text();
    if (text != null) {
      termCodes.addAll(text.codeFeatures());
    }
    Stream.of(
            preprocessing.categorical().stream()
                .filter(column -> column.missing() == MissingValues.INDICATE)
                .map(column -> column.name()),
            preprocessing.numeric().stream()
                .filter(column -> column.missing() == MissingValues.INDICATE)
                .map(column -> column.name()),
            preprocessing.dates().stream()
                .filter(column -> column.missing() == MissingValues.INDICATE)
                .map(column -> column.name()))
        .flatMap(names -> names)
        .map(Preprocessing::missingFeature)
        .forEach(indicators::add);
  }

  private void add(DateColumn column, DatePart part) {
    dateParts.add(part.feature(column.name()));
  }

  /** The features that move with the calendar, whatever the rows are. */
  Set<String> dateParts() {
    return dateParts;
  }

  private static List<String> texts(Categories categories) {
    return Stream.concat(Stream.of("other or unseen"), categories.known().stream()).toList();
  }

  /**
   * The features but for parts of dates and codes of terms, in whose place the most frequent words
   * are compared; those that say what is missing are compared as shares of rows instead.
   */
  public List<ComparedColumn> features(Features reference, Features current) {
    FeatureSchema schema = preprocessing.schema();
    List<ComparedColumn> columns = new ArrayList<>();
    for (int i = 0; i < schema.categorical().size(); i++) {
      FeatureSchema.Categorical feature = schema.categorical().get(i);
      if (!indicators.contains(feature.name())
          && !dateParts.contains(feature.name())
          && !termCodes.contains(feature.name())) {
        List<String> labels = categories.getOrDefault(feature.name(), codes(feature.cardinality()));
        columns.add(new Codes(feature.name(), labels, reference.codes()[i], current.codes()[i]));
      }
    }
    for (int i = 0; i < schema.numeric().size(); i++) {
      String name = schema.numeric().get(i);
      if (!dateParts.contains(name)) {
        Scaling scaling = scalings.getOrDefault(name, Scaling.NONE);
        columns.add(
            new Numbers(
                name,
                reference.numbers()[i],
                current.numbers()[i],
                scaling.center(),
                scaling.scale()));
      }
    }
    TextColumn text = preprocessing.text();
    if (text != null) {
      columns.addAll(words(text, reference, current));
    }
    return columns;
  }

  /** Whether a text has each of the most frequent words; pairs of words are left out. */
  private static List<ComparedColumn> words(TextColumn text, Features reference, Features current) {
    return IntStream.range(0, text.terms().size())
        .filter(term -> text.terms().get(term).indexOf(' ') < 0)
        .limit(MOST_WORDS)
        .mapToObj(
            term ->
                (ComparedColumn)
                    new Codes(
                        "%s has '%s'".formatted(text.name(), text.terms().get(term)),
                        List.of("no", "yes"),
                        having(reference, term + 1),
                        having(current, term + 1)))
        .toList();
  }

  private static int[] having(Features features, int code) {
    return IntStream.range(0, features.rows())
        .map(row -> Stream.of(features.codes()).anyMatch(codes -> codes[row] == code) ? 1 : 0)
        .toArray();
  }

  private static List<String> codes(int cardinality) {
    return IntStream.range(0, cardinality).mapToObj(Integer::toString).toList();
  }

  /** The probability of the positive class, or of the likeliest, and the answered class. */
  static List<ComparedColumn> predictions(
      ModelVersion version, Outputs reference, Outputs current) {
    Target target = version.target();
    String name =
        target.isBinary() ? "probability of " + target.positive() : "probability of the answer";
    return List.of(
        new Numbers(name, probabilities(target, reference), probabilities(target, current), 0, 1),
        new Codes("answer", target.classes(), answers(reference), answers(current)));
  }

  /** Change of the share of rows that are answered as the positive class; of two classes only. */
  static OptionalDouble positiveRateChange(Target target, List<ComparedColumn> predictions) {
    if (!target.isBinary() || predictions.isEmpty()) {
      return OptionalDouble.empty();
    }
    Codes answers = (Codes) predictions.getLast();
    return OptionalDouble.of(
        share(answers.current(), target.positiveIndex())
            - share(answers.reference(), target.positiveIndex()));
  }

  private static double share(int[] answers, int label) {
    return (double) IntStream.of(answers).filter(answer -> answer == label).count()
        / answers.length;
  }

  private static float[] probabilities(Target target, Outputs outputs) {
    float[] probabilities = new float[outputs.rows()];
    for (int row = 0; row < probabilities.length; row++) {
      double[] all = outputs.probabilities(row);
      probabilities[row] =
          (float) (target.isBinary() ? all[target.positiveIndex()] : all[outputs.predicted(row)]);
    }
    return probabilities;
  }

  private static int[] answers(Outputs outputs) {
    return IntStream.range(0, outputs.rows()).map(outputs::predicted).toArray();
  }

  /** What preprocessing counted in the batches, where either has any. */
  public List<Share> shares(ProcessedBatch reference, ProcessedBatch current) {
    List<Share> shares = new ArrayList<>();
    for (String column : preprocessing.rawColumns()) {
      add(shares, Property.MISSING, column, reference, current, Outcome.IMPUTED);
    }
    for (String column : preprocessing.rawColumns()) {
      add(
          shares,
          Property.UNSEEN,
          column,
          reference,
          current,
          Outcome.UNSEEN_CATEGORY,
          Outcome.UNKNOWN_CODE);
    }
    long rejectedBefore = sum(reference.rejected());
    long rejected = sum(current.rejected());
    if (rejectedBefore + rejected > 0) {
      shares.add(
          new Share(
              Property.REJECTED,
              "",
              rejectedBefore,
              reference.rowsIn(),
              rejected,
              current.rowsIn()));
    }
    return shares;
  }

  private static void add(
      List<Share> shares,
      Property property,
      String column,
      ProcessedBatch reference,
      ProcessedBatch current,
      Outcome... outcomes) {
    long before = 0;
    long after = 0;
    for (Outcome outcome : outcomes) {
      String key = new Occurrence(outcome, column).toString();
      before += reference.outcomes().getOrDefault(key, 0);
      after += current.outcomes().getOrDefault(key, 0);
    }
    if (before + after > 0) {
      shares.add(new Share(property, column, before, reference.rows(), after, current.rows()));
    }
  }

  private static long sum(Map<String, Integer> counts) {
    return counts.values().stream().mapToLong(Integer::longValue).sum();
  }
}
