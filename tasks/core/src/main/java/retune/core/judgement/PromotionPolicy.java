package retune.core.judgement;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import retune.core.InvalidInputException;
import retune.core.data.Table;
import retune.core.metrics.Metric;
import retune.core.statistics.McNemar;

/**
 * What a loop asks of a candidate beside the gate, the champion and the {@link Guards}. All terms
 * must hold. In a loop file it is a text, {@code superior(0.02) and flips(0.05)}:
 *
 * <pre>
 * floor                  nothing more: the gate's threshold, and not below the champion
 * non_inferior(0.01)     accuracy and macro F1 at most so much below the champion's
 * superior(0.02)         the gate's metric at least so much above the champion's, and surely above
 * within(recall, 0.02)   a metric at most so much below the champion's
 * within_class(recall, 0.05)  recall, precision or f1_score of each class at most so much below
 * slices(REGION, 0.05)   the gate's metric at most so much below on each slice of a column
 * flips(0.05)            share of the rows that the champion has right and the candidate wrong
 * latency(1.5)           time of a prediction at most so many times the champion's
 * </pre>
 *
 * A column's name with other characters than letters, digits, dots, hyphens and underscores stands
 * in double quotes.
 */
public record PromotionPolicy(List<Term> terms) {
  /** The published policy: the gate alone. */
  public static final PromotionPolicy FLOOR = new PromotionPolicy(List.of());

  private static final String FLOOR_WORD = "floor";
  private static final Pattern TERM =
      Pattern.compile(
          "([a-z0-9_]+)(?:\\([ \\t]*(?:([\\p{L}\\p{N}_.-]+|\"[^\"]+\")[ \\t]*,[ \\t]*)?"
              + "([0-9]+(?:\\.[0-9]+)?)[ \\t]*\\))?");

  private static final Pattern BLANKS = Pattern.compile("^[ \\t\\r\\n]+|[ \\t\\r\\n]+$");
  private static final Set<String> WITH_WORD = Set.of("within", "within_class", "slices");

  /** Between terms, but not inside the quotes of a column's name. */
  private static final Pattern AND =
      Pattern.compile("[ \\t\\r\\n]+and[ \\t\\r\\n]+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)");

  private static final String TERMS =
      "floor, non_inferior(0.01), superior(0.02), within(recall, 0.02), within_class(recall, 0.05),"
          + " slices(COLUMN, 0.05), flips(0.05) and latency(1.5)";
  private static final Set<Metric> OF_A_CLASS =
      EnumSet.of(Metric.PRECISION, Metric.RECALL, Metric.F1_SCORE);
  private static final double LEAST_RATIO = 0.01;
  private static final double GREATEST_RATIO = 100;

  public PromotionPolicy {
    terms = List.copyOf(terms);
  }

  /** One condition. */
  public sealed interface Term {
    /** The term as in a loop file. */
    String text();

    List<Check> checks(Comparison comparison);
  }

  /** Metrics that may be at most so much below the champion's. */
  record Within(String text, Set<Metric> metrics, double margin) implements Term {
    @Override
    public List<Check> checks(Comparison comparison) {
      List<Check> checks = new ArrayList<>();
      for (Metric metric : metrics) {
        Bound bound = Bound.ofDifference(comparison, metric, -margin);
        checks.add(
            bound.check(
                "within_" + metric.id(),
                comparison.candidate().rows(),
                "its %s is %s%s; it may fall by %s at most"
                    .formatted(
                        metric.id(), against(comparison, bound.value()), bound.words(), margin)));
      }
      return checks;
    }
  }

  /** A metric of each class that may be at most so much below the champion's. */
  record WithinClass(String text, Metric metric, double margin) implements Term {
    @Override
    public List<Check> checks(Comparison comparison) {
      return List.of(EachGroup.ofClasses(comparison, metric, margin));
    }
  }

  /** The gate's metric on each slice of a column, at most so much below the champion's. */
  record Slices(String text, String column, double margin) implements Term {
    @Override
    public List<Check> checks(Comparison comparison) {
      Table columns = comparison.input().columns();
      requireColumn(columns.names());
      return List.of(EachGroup.ofSlices(comparison, columns.column(column), margin));
    }

    private void requireColumn(List<String> columns) {
      if (!columns.contains(column)) {
        throw new InvalidInputException(
            "The policy's '%s' names a column that the rows do not have; their columns are %s."
                .formatted(text, String.join(", ", columns)));
      }
    }
  }

  /** How many times the champion's time a prediction may take. */
  record Latency(String text, double limit) implements Term {
    @Override
    public List<Check> checks(Comparison comparison) {
      PolicyInput.Latency measured = Objects.requireNonNull(comparison.input().latency());
      return List.of(
          Check.plain(
              "latency",
              measured.ratio(),
              limit,
              measured.ratio() <= limit,
              measured.rows(),
              String.format(
                  Locale.ROOT,
                  "a prediction takes it %.3f ms and the %s %.3f ms, %.2f times as long; %s times"
                      + " may be",
                  measured.candidate() * 1e3,
                  comparison.opponent(),
                  measured.champion() * 1e3,
                  measured.ratio(),
                  limit)));
    }
  }

  /** The gate's metric must be surely above the champion's and so much above it. */
  record Superior(String text, double improvement) implements Term {
    @Override
    public List<Check> checks(Comparison comparison) {
      Metric metric = comparison.gate().metric();
      Bound surely = Bound.ofSuperiority(comparison, metric);
      long rows = comparison.candidate().rows();
      return List.of(
          Check.plain(
              "improvement",
              surely.value(),
              improvement,
              surely.value() >= improvement,
              rows,
              "its %s is %s; %s more is asked"
                  .formatted(metric.id(), against(comparison, surely.value()), improvement)),
          surely.check(
              "superior",
              rows,
              "its %s is %s%s"
                  .formatted(metric.id(), against(comparison, surely.value()), surely.words())));
    }
  }

  /** The share of rows that were right and would be wrong. */
  record Flips(String text, double limit) implements Term {
    @Override
    public List<Check> checks(Comparison comparison) {
      McNemar answers = McNemar.of(comparison.champion(), comparison.candidate());
      double share = answers.lostShare();
      return List.of(
          Check.plain(
              "flips",
              share,
              limit,
              share <= limit,
              answers.rows(),
              String.format(
                  Locale.ROOT,
                  "it gets %.2f %% of the rows wrong that the %s has right; %.2f %% may be",
                  share * 100,
                  comparison.opponent(),
                  limit * 100)));
    }
  }

  /** Whether a candidate may lose anything, so that losses could add up over promotions. */
  public boolean permitsLoss() {
    return terms.stream().anyMatch(PromotionPolicy::permitsLoss);
  }

  /** Whether the term says how much a metric may fall: of all rows, a class, or a slice. */
  private static boolean permitsLoss(Term term) {
    return switch (term) {
      case Within _, WithinClass _, Slices _ -> true;
      case Superior _, Flips _, Latency _ -> false;
    };
  }

  /**
   * What may be lost, measured from the best version ever approved: the terms that permit a loss,
   * each as a check {@code anchor_…}.
   *
   * @param best the candidate beside that version
   */
  public List<Check> anchored(Comparison best) {
    return terms.stream()
        .filter(PromotionPolicy::permitsLoss)
        .flatMap(term -> term.checks(best).stream())
        .map(check -> check.named("anchor_" + check.name()))
        .toList();
  }

  /** The policy of that text; an {@link InvalidInputException} where it is none. */
  public static PromotionPolicy parse(String text) {
    List<Term> terms =
        Stream.of(AND.split(BLANKS.matcher(text).replaceAll(""), -1))
            .filter(term -> !term.equals(FLOOR_WORD))
            .map(PromotionPolicy::term)
            .toList();
    Set<String> kinds = new LinkedHashSet<>();
    for (Term term : terms) {
      if (!kinds.add(kind(term))) {
        throw new InvalidInputException(
            "The policy '%s' has %s twice.".formatted(text, kind(term)));
      }
    }
    if (kinds.contains("superior") && kinds.contains("non_inferior")) {
      throw new InvalidInputException(
          "The policy '%s' asks for superior and for non_inferior; keep one of them."
              .formatted(text));
    }
    return new PromotionPolicy(terms);
  }

  /** What a policy can ask only once. */
  private static String kind(Term term) {
    return switch (term) {
      case Within within -> {
        String name = within.text().replaceFirst("\\(.*", "");
        yield name.equals("within")
            ? "within(" + within.metrics().iterator().next().id() + ")"
            : name;
      }
      case WithinClass within -> "within_class(" + within.metric().id() + ")";
      case Slices slices -> "slices(" + slices.column() + ")";
      case Superior superior -> "superior";
      case Flips flips -> "flips";
      case Latency latency -> "latency";
    };
  }

  private static Term term(String text) {
    Matcher term = TERM.matcher(text);
    if (!term.matches()) {
      throw unknown(text);
    }
    String name = term.group(1);
    String word = term.group(2);
    if ((word != null) != WITH_WORD.contains(name)) {
      throw unknown(text);
    }
    return switch (name) {
      case "non_inferior" ->
          new Within(text, EnumSet.of(Metric.ACCURACY, Metric.F1_MACRO), number(term, 0.01));
      case "superior" -> new Superior(text, number(term, 0.02));
      case "flips" -> new Flips(text, number(term, 0.05));
      case "within" ->
          new Within(
              text, Set.of(metric(word, EnumSet.allOf(Metric.class), text)), number(term, 0.02));
      case "within_class" ->
          new WithinClass(text, metric(word, OF_A_CLASS, text), number(term, 0.05));
      case "slices" -> new Slices(text, word.replace("\"", ""), number(term, 0.05));
      case "latency" -> new Latency(text, number(term, 1.5, LEAST_RATIO, GREATEST_RATIO));
      default -> throw unknown(text);
    };
  }

  private static Metric metric(String id, Set<Metric> metrics, String text) {
    return metrics.stream()
        .filter(metric -> metric.id().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "'%s' is not a metric%s; the metrics are %s."
                        .formatted(
                            text,
                            metrics.equals(OF_A_CLASS) ? " of a class" : "",
                            metrics.stream().map(Metric::id).collect(Collectors.joining(", ")))));
  }

  private static double number(Matcher term, double byDefault) {
    return number(term, byDefault, 0, 1);
  }

  private static double number(Matcher term, double byDefault, double least, double greatest) {
    double number = term.group(3) == null ? byDefault : Double.parseDouble(term.group(3));
    if (number < least || number > greatest) {
      throw new InvalidInputException(
          String.format(
              Locale.ROOT,
              "'%s' is out of range; give a number from %s to %s.",
              term.group(),
              BigDecimal.valueOf(least).stripTrailingZeros().toPlainString(),
              BigDecimal.valueOf(greatest).stripTrailingZeros().toPlainString()));
    }
    return number;
  }

  private static InvalidInputException unknown(String text) {
    return new InvalidInputException(
        "'%s' is not a term of a policy; write terms such as %s, joined by 'and'."
            .formatted(text, TERMS));
  }

  /** The columns whose slices the policy looks at. */
  public Set<String> columns() {
    return terms.stream()
        .flatMap(term -> term instanceof Slices slices ? Stream.of(slices.column()) : Stream.of())
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /**
   * Refuses a policy that names a column that rows do not have.
   *
   * @param columns of the rows
   */
  public void requireColumns(List<String> columns) {
    for (Term term : terms) {
      if (term instanceof Slices slices) {
        slices.requireColumn(columns);
      }
    }
  }

  /** Whether the policy asks how long a prediction takes. */
  public boolean asksForLatency() {
    return terms.stream().anyMatch(Latency.class::isInstance);
  }

  /** What the policy asks of the candidate. */
  List<Check> checks(Comparison comparison) {
    return terms.stream().flatMap(term -> term.checks(comparison).stream()).toList();
  }

  /** The policy as in a loop file. */
  public String text() {
    return terms.isEmpty()
        ? FLOOR_WORD
        : terms.stream().map(Term::text).collect(Collectors.joining(" and "));
  }

  private static String against(Comparison comparison, double difference) {
    return "%s %s the %s's"
        .formatted(
            Check.fourDecimals(Math.abs(difference)),
            difference < 0 ? "below" : "above",
            comparison.opponent());
  }
}
