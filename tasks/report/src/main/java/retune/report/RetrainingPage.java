package retune.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.Check;
import retune.core.judgement.Verdict;
import retune.core.statistics.Interval;

/** A retraining as a page for people: the decision first, then what it rests on. */
public final class RetrainingPage {
  /** A line needs two points. */
  private static final int LEAST_ROUNDS = 2;

  private RetrainingPage() {}

  /**
   * A candidate.
   *
   * @param name how it was trained
   * @param isChosen whether it was the best on the validation rows
   * @param trainingRows number of rows that trained it
   * @param bestRound the round that was kept, from 1; 0 where nothing was trained
   * @param rounds one per epoch or round
   * @param value the metric on the validation rows; null where nothing was trained
   * @param championValue that of the version in production on the same rows
   * @param outcome its version, or why there is none
   */
  public record Candidate(
      String name,
      boolean isChosen,
      int trainingRows,
      int bestRound,
      List<Round> rounds,
      @Nullable Double value,
      double championValue,
      String outcome) {
    private double lossOfBest() {
      return bestRound == 0 ? Double.NaN : rounds.get(bestRound - 1).validationLoss();
    }
  }

  /**
   * An epoch or round.
   *
   * @param metric on the validation rows; null where it was not measured
   */
  public record Round(double trainingLoss, double validationLoss, @Nullable Double metric) {}

  /**
   * A metric of both versions on the judged rows.
   *
   * @param interval of the difference
   */
  public record Difference(String name, double before, double after, Interval interval) {}

  /**
   * The page.
   *
   * @param kind the verdict
   * @param reason the verdict's, as sentences
   * @param facts of the data, the filter and the versions, by name
   * @param metric that chose among the candidates
   * @param differences empty where nothing was compared
   */
  public static String of(
      Verdict.Kind kind,
      String reason,
      Map<String, String> facts,
      String metric,
      List<Candidate> candidates,
      List<Difference> differences,
      List<Check> checks) {
    String decision =
        switch (kind) {
          case APPROVED -> "The retrained version passes. ";
          case UNDECIDED -> "The rows do not decide; the version in production stays. ";
          default -> "The version in production stays. ";
        };
    String sentence = decision + reason;
    return Html.page(
        "Retraining: " + kind.id(),
        (kind == Verdict.Kind.APPROVED ? Html.paragraph(sentence) : Html.warning(sentence))
            + facts(facts)
            + candidates(metric, candidates)
            + comparison(differences)
            + (checks.isEmpty() ? "" : ComparisonPage.checks(checks)));
  }

  /**
   * The page of a retraining that compared nothing.
   *
   * @param status how it ended: {@code rejected} or {@code failed}
   * @param reason what happened and why, as sentences
   * @param facts see {@link #of}
   * @param metric see {@link #of}
   * @param candidates those that were trained; none where it ended before
   */
  public static String withoutComparison(
      String status,
      String reason,
      Map<String, String> facts,
      String metric,
      List<Candidate> candidates) {
    return Html.page(
        "Retraining: " + status,
        Html.warning(reason)
            + facts(facts)
            + (candidates.isEmpty()
                ? Html.paragraph("No candidate was trained.")
                : candidates(metric, candidates)));
  }

  private static String facts(Map<String, String> facts) {
    return Html.table(
        List.of("", ""),
        facts.entrySet().stream().map(fact -> List.of(fact.getKey(), fact.getValue())).toList());
  }

  private static String candidates(String metric, List<Candidate> candidates) {
    List<List<String>> rows = new ArrayList<>();
    List<String> charts = new ArrayList<>();
    List<Line> metrics = new ArrayList<>();
    for (Candidate candidate : candidates) {
      rows.add(
          List.of(
              candidate.name + (candidate.isChosen ? " (chosen)" : ""),
              "%,d".formatted(candidate.trainingRows),
              candidate.rounds.isEmpty()
                  ? "–"
                  : "%d of %d".formatted(candidate.bestRound, candidate.rounds.size()),
              Chart.fixed(candidate.lossOfBest()),
              Chart.fixed(candidate.value == null ? Double.NaN : candidate.value),
              Chart.fixed(candidate.championValue),
              candidate.outcome));
      if (candidate.rounds.size() >= LEAST_ROUNDS) {
        charts.add(losses(candidate));
        metrics.add(
            Line.ofEpochs(
                candidate.name,
                candidate.rounds.stream()
                    .mapToDouble(round -> round.metric == null ? Double.NaN : round.metric)
                    .toArray()));
      }
    }
    metrics.removeIf(line -> Arrays.stream(line.y()).allMatch(Double::isNaN));
    if (!metrics.isEmpty()) {
      charts.add(
          Chart.lines(
              metric + " on validation rows", Axis.whole("round"), Axis.values(metric), metrics));
    }
    return Html.heading("Candidates")
        + Html.table(
            List.of(
                "candidate",
                "training rows",
                "round kept",
                "validation loss",
                metric,
                "in production",
                "outcome"),
            rows)
        + Html.paragraph(
            "Values are those on the validation rows, which chose the round, the threshold and the"
                + " candidate; the hold-out chose nothing.")
        + Html.charts(charts);
  }

  private static String losses(Candidate candidate) {
    return Chart.losses(
        "Loss of " + candidate.name,
        "round",
        "loss",
        candidate.rounds.stream().mapToDouble(Round::trainingLoss).toArray(),
        candidate.rounds.stream().mapToDouble(Round::validationLoss).toArray());
  }

  private static String comparison(List<Difference> differences) {
    if (differences.isEmpty()) {
      return "";
    }
    return Html.heading("On the hold-out")
        + Html.table(
            List.of("metric", "in production", "retrained", "difference", "interval"),
            differences.stream()
                .map(
                    one ->
                        List.of(
                            one.name,
                            Chart.fixed(one.before),
                            Chart.fixed(one.after),
                            signed(one.after - one.before),
                            signed(one.interval.low()) + " to " + signed(one.interval.high())))
                .toList())
        + Html.paragraph(
            "Each end of an interval holds with 95 % confidence (normal approximation by the"
                + " influence of each row).")
        + Html.charts(
            List.of(
                Chart.ranking(
                    "Difference on the hold-out",
                    differences.stream().map(Difference::name).toList(),
                    differences.stream().mapToDouble(one -> one.after - one.before).toArray(),
                    differences.stream()
                        .mapToDouble(one -> (one.interval.high() - one.interval.low()) / 2)
                        .toArray())));
  }

  private static String signed(double value) {
    return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%+.4f", value);
  }
}
