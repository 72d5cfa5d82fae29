package retune.core.judgement;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import retune.core.InvalidInputException;
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
 * flips(0.05)            share of the rows that the champion has right and the candidate wrong
 * </pre>
 */
public record PromotionPolicy(List<Term> terms) {
  /** The published policy: the gate alone. */
  public static final PromotionPolicy FLOOR = new PromotionPolicy(List.of());

  private static final String FLOOR_WORD = "floor";
  private static final Pattern TERM =
      Pattern.compile(
          "([a-z0-9_]+)(?:\\(\\s*(?:([a-z0-9_]+)\\s*,\\s*)?([0-9]+(?:\\.[0-9]+)?)\\s*\\))?");
  private static final String TERMS =
      "floor, non_inferior(0.01), superior(0.02), within(recall, 0.02) and flips(0.05)";

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
    return terms.stream().anyMatch(Within.class::isInstance);
  }

  /**
   * What may be lost, measured from the best version ever approved: the terms that permit a loss,
   * each as a check {@code anchor_…}.
   *
   * @param best the candidate beside that version
   */
  public List<Check> anchored(Comparison best) {
    return terms.stream()
        .filter(Within.class::isInstance)
        .flatMap(term -> term.checks(best).stream())
        .map(check -> check.named("anchor_" + check.name()))
        .toList();
  }

  /** The policy of that text; an {@link InvalidInputException} where it is none. */
  public static PromotionPolicy parse(String text) {
    List<Term> terms =
        Stream.of(text.strip().split("\\s+and\\s+", -1))
            .filter(term -> !term.equals(FLOOR_WORD))
            .map(PromotionPolicy::term)
            .toList();
    Set<String> kinds = new LinkedHashSet<>();
    for (Term term : terms) {
      String kind =
          term.text().replaceFirst(term.text().startsWith("within") ? ",.*" : "\\(.*", "");
      if (!kinds.add(kind)) {
        throw new InvalidInputException("The policy '%s' has %s twice.".formatted(text, kind));
      }
    }
    if (kinds.contains("superior") && kinds.contains("non_inferior")) {
      throw new InvalidInputException(
          "The policy '%s' asks for superior and for non_inferior; keep one of them."
              .formatted(text));
    }
    return new PromotionPolicy(terms);
  }

  private static Term term(String text) {
    Matcher term = TERM.matcher(text);
    if (!term.matches()) {
      throw unknown(text);
    }
    String name = term.group(1);
    boolean hasMetric = term.group(2) != null;
    if (hasMetric != name.equals("within")) {
      throw unknown(text);
    }
    return switch (name) {
      case "non_inferior" ->
          new Within(text, EnumSet.of(Metric.ACCURACY, Metric.F1_MACRO), number(term, 0.01));
      case "superior" -> new Superior(text, number(term, 0.02));
      case "flips" -> new Flips(text, number(term, 0.05));
      case "within" -> new Within(text, Set.of(metric(term.group(2), text)), number(term, 0.02));
      default -> throw unknown(text);
    };
  }

  private static Metric metric(String id, String text) {
    return Stream.of(Metric.values())
        .filter(metric -> metric.id().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "'%s' is not a metric; the metrics are %s."
                        .formatted(
                            text,
                            Stream.of(Metric.values())
                                .map(Metric::id)
                                .collect(Collectors.joining(", ")))));
  }

  private static double number(Matcher term, double byDefault) {
    if (term.group(3) == null) {
      return byDefault;
    }
    try {
      double number = Double.parseDouble(term.group(3));
      if (number <= 1) {
        return number;
      }
    } catch (NumberFormatException e) {
      throw unknown(term.group());
    }
    throw new InvalidInputException(
        "'%s' is out of range; give a number from 0 to 1.".formatted(term.group()));
  }

  private static InvalidInputException unknown(String text) {
    return new InvalidInputException(
        "'%s' is not a term of a policy; write terms such as %s, joined by 'and'."
            .formatted(text, TERMS));
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
