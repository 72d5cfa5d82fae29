package retune.core.judgement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import retune.core.judgement.Check.Answer;
import retune.core.judgement.Verdict.Kind;
import retune.core.metrics.Predictions;

/**
 * A candidate beside the champion on the same rows, and what is asked of it.
 *
 * @param alpha the probability with which a bound may be wrong, 0 … 0.5
 * @param opponent what sentences call the other side: champion or baseline
 * @param input what the policy looks at beside the answers
 */
public record Comparison(
    Gate gate,
    Evidence evidence,
    double alpha,
    Predictions candidate,
    Predictions champion,
    String opponent,
    PolicyInput input) {
  /** The level of a single question. */
  public static final double ALPHA = 0.05;

  /**
   * How many rows like these a confidence bound needs at least; 0 where any number will do.
   *
   * @param rows of each class
   */
  public static long leastRows(long[] rows) {
    if (rows.length >= Bound.MANY_CLASSES) {
      return 0;
    }
    long rarest = Math.max(1, Arrays.stream(rows).min().orElse(1));
    return Math.ceilDiv(Bound.LEAST_ROWS * Arrays.stream(rows).sum(), rarest);
  }

  /** The two must have answered the same rows. */
  public Comparison {
    if (!Arrays.equals(candidate.labels(), champion.labels())) {
      throw new IllegalArgumentException("the two have not answered the same rows");
    }
  }

  public Comparison(
      Gate gate, Evidence evidence, double alpha, Predictions candidate, Predictions champion) {
    this(gate, evidence, alpha, candidate, champion, "champion");
  }

  /** Without a policy that looks at more than the answers. */
  public Comparison(
      Gate gate,
      Evidence evidence,
      double alpha,
      Predictions candidate,
      Predictions champion,
      String opponent) {
    this(gate, evidence, alpha, candidate, champion, opponent, PolicyInput.NONE);
  }

  /** The same two with what a policy needs beside the answers. */
  public Comparison with(PolicyInput policyInput) {
    return new Comparison(gate, evidence, alpha, candidate, champion, opponent, policyInput);
  }

  /**
   * Judges the candidate: it must reach the threshold, must not be below the champion, must pass
   * the {@link Guards}, whatever the policy is, and what the policy adds.
   *
   * @param others further checks, for example on other rows
   */
  public Verdict judge(PromotionPolicy policy, List<Check> others) {
    return judge(policy, others, BelowGate.ALERT);
  }

  /**
   * The same, but a candidate that is not proved to reach the threshold may pass, or a person is
   * asked about it, where it is surely better than the champion.
   */
  public Verdict judge(PromotionPolicy policy, List<Check> others, BelowGate belowGate) {
    return judge(policy, others, belowGate, 0);
  }

  /**
   * The same, but a candidate that reaches the threshold may be a little below the champion.
   *
   * @param mayLose how much of the gate's metric may be lost, 0 … 1; an interval must show that no
   *     more is
   */
  public Verdict judge(
      PromotionPolicy policy, List<Check> others, BelowGate belowGate, double mayLose) {
    Check reaches = reachesThreshold();
    boolean isBelow = belowGate.mayFollow() && reaches.answer() != Answer.PASSED;
    Check standing = isBelow ? surelyBetter() : stands(mayLose);
    if (isBelow) {
      reaches = belowGate == BelowGate.ASK ? reaches.answered(Answer.ASKED) : reaches.advisory();
    }
    List<Check> checks = new ArrayList<>(List.of(reaches, standing));
    checks.addAll(Guards.of(this));
    checks.addAll(policy.checks(this));
    checks.addAll(others);
    Kind kind = kind(checks);
    if (kind == Kind.ASKED) {
      checks.add(gain());
    }
    String standings = reaches.sentence() + (isBelow ? " but " : " and ") + standing.sentence();
    String approval =
        isBelow && kind == Kind.APPROVED
            ? standings + ", and the loop promotes a better version below the gate"
            : standings;
    boolean losesElsewhere =
        others.stream().anyMatch(check -> !check.decisive() && check.answer() == Answer.FAILED);
    return new Verdict(
        kind,
        gate.metric(),
        reaches.value(),
        gate.threshold(),
        checks,
        reason(kind, reaches, checks, approval)
            + (kind == Kind.APPROVED && losesElsewhere ? " " + Retention.ADVICE : ""));
  }

  private Check reachesThreshold() {
    Bound bound = Bound.of(this, gate.metric(), candidate, gate.threshold());
    double value = gate.defined(bound.value());
    String doubt =
        value >= gate.threshold() && !bound.passed() && bound.interval() != null
            ? " with a lower bound below it"
            : "";
    String sentence = gate.sentence(value, bound.words(), relation(bound)) + doubt;
    return bound.check(Check.GATE, candidate.rows(), sentence);
  }

  /** How the candidate's value stands to the threshold. */
  private static String relation(Bound bound) {
    if (bound.value() < bound.limit()) {
      return "is below";
    }
    if (bound.passed()) {
      return "reaches";
    }
    return bound.value() > bound.limit() ? "is above" : "is at";
  }

  private Check surelyBetter() {
    Comparison surely = new Comparison(gate, Evidence.INTERVAL, alpha, candidate, champion);
    Bound bound = Bound.ofSuperiority(surely, gate.metric());
    double ofChampion = gate.defined(gate.metric().of(champion));
    return bound.check(
        Check.CHAMPION,
        candidate.rows(),
        "is %s the %s's %s on the same rows by %s%s"
            .formatted(
                bound.value() > 0 ? "above" : "not above",
                opponent,
                Check.fourDecimals(ofChampion),
                Check.fourDecimals(Math.abs(bound.value())),
                bound.words()));
  }

  /** Whether no more is lost than may be, whatever else is asked, under the name {@code anchor}. */
  public Check anchored(double mayLose) {
    Check check = stands(mayLose);
    return check.named("anchor_" + check.name());
  }

  /**
   * The difference fails only where more is lost than may be and, with an interval, surely so. A
   * candidate that is not below the champion passes.
   */
  private Check stands(double mayLose) {
    Bound bound = Bound.ofDifference(this, gate.metric(), -mayLose);
    double ofChampion = gate.defined(gate.metric().of(champion));
    boolean notBelow = bound.value() >= 0;
    String below =
        mayLose == 0
            ? "is below the %s's %s on the same rows"
                .formatted(opponent, Check.fourDecimals(ofChampion))
            : "is %s below the %s's %s on the same rows%s, where %s may be lost"
                .formatted(
                    Check.fourDecimals(-bound.value()),
                    opponent,
                    Check.fourDecimals(ofChampion),
                    bound.words(),
                    mayLose);
    String sentence =
        notBelow
            ? "is not below the %s's %s on the same rows"
                .formatted(opponent, Check.fourDecimals(ofChampion))
            : below;
    Check check = bound.check(Check.CHAMPION, candidate.rows(), sentence);
    return notBelow ? check.answered(Answer.PASSED) : check;
  }

  /** The difference with its interval, whatever the evidence is; a person wants to see both. */
  private Check gain() {
    Comparison interval = new Comparison(gate, Evidence.INTERVAL, alpha, candidate, champion);
    Bound bound = Bound.ofDifference(interval, gate.metric(), 0);
    return bound
        .check(
            Check.GAIN,
            candidate.rows(),
            "The gain is %s%s".formatted(Check.fourDecimals(bound.value()), bound.words()))
        .advisory();
  }

  /**
   * Approved where every decisive check passed, rejected where one failed, asked where all that did
   * not pass is for a person to weigh.
   */
  static Kind kind(List<Check> checks) {
    if (decisive(checks, Answer.FAILED).findAny().isPresent()) {
      return Kind.REJECTED;
    }
    if (decisive(checks, Answer.UNDECIDED).findAny().isPresent()) {
      return Kind.UNDECIDED;
    }
    return decisive(checks, Answer.ASKED).findAny().isPresent() ? Kind.ASKED : Kind.APPROVED;
  }

  /**
   * The decision as sentences.
   *
   * @param first the check that the reason begins with
   * @param approval what is said of a candidate that is approved, or that a person is asked about
   */
  static String reason(Kind kind, Check first, List<Check> checks, String approval) {
    String decision =
        switch (kind) {
          case APPROVED, ASKED -> approval;
          case REJECTED -> because(first, decisive(checks, Answer.FAILED));
          case UNDECIDED ->
              because(first, decisive(checks, Answer.UNDECIDED))
                  + decisive(checks, Answer.UNDECIDED).mapToLong(Check::moreRows).max().stream()
                      .filter(rows -> rows > 0)
                      .mapToObj(rows -> "; about %,d more rows would decide".formatted(rows))
                      .collect(Collectors.joining());
          case NEEDS_RETRAINING -> throw new IllegalStateException("is said of champions");
        };
    Optional<String> told =
        checks.stream()
            .filter(
                check ->
                    check.answer() == Answer.ASKED
                        || (!check.decisive() && check.answer() == Answer.FAILED))
            .filter(check -> !check.name().equals(first.name()))
            .map(check -> " But " + check.sentence() + ".")
            .reduce(String::concat);
    return decision + "." + told.orElse("");
  }

  /** The first check's sentence, and what speaks against the candidate in spite of it. */
  private static String because(Check first, Stream<Check> against) {
    String others =
        against
            .filter(check -> !check.name().equals(first.name()))
            .map(Check::sentence)
            .collect(Collectors.joining(", and "));
    if (others.isEmpty()) {
      return first.sentence();
    }
    return first.sentence() + (first.answer() == Answer.PASSED ? " but " : " and ") + others;
  }

  private static Stream<Check> decisive(List<Check> checks, Answer answer) {
    return checks.stream().filter(check -> check.decisive() && check.answer() == answer);
  }
}
