package retune.judgement;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import retune.core.InvalidInputException;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Rules;
import retune.core.judgement.Verdict;
import retune.core.judgement.Verdict.Kind;
import retune.model.batch.Attempt;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/** How a run of the evaluation pipeline ended, from its verdicts. */
public sealed interface RunOutcome {
  Judgement champion();

  /** The champion passed. */
  record Healthy(Judgement champion) implements RunOutcome {}

  /**
   * The champion is below the gate, and the evidence over days does not decide that it is worse.
   */
  record Undecided(Judgement champion) implements RunOutcome {}

  /**
   * The champion failed and a version that was approved earlier passed, so that nothing was
   * trained.
   *
   * @param reason what was found when looking back, in a sentence
   */
  record LookedBack(Judgement champion, Judgement version, String reason) implements RunOutcome {}

  /**
   * The evidence over days decided that a challenger is better than the champion, and it passed the
   * day's checks, too.
   *
   * @param failed the verdicts on attempts that were judged before it was promoted
   * @param attempts number of attempts that were made; none where the challenger reaches the gate
   *     or the champion has not failed
   * @param reason what was found, in a sentence
   */
  record ChallengerPromoted(
      Judgement champion, Judgement challenger, List<Judgement> failed, int attempts, String reason)
      implements RunOutcome {}

  /**
   * The champion failed and an attempt at fine-tuning passed.
   *
   * @param failed the verdicts on the other attempts
   * @param attempts number of attempts that were made
   * @param choice why this attempt is the candidate, in a sentence
   */
  record Finetuned(
      Judgement champion, List<Judgement> failed, Judgement candidate, int attempts, String choice)
      implements RunOutcome {}

  /**
   * No other version passed, and of one a person is asked whether it may follow: of one that was
   * judged because the champion failed, or of a challenger that is proved better.
   *
   * @param earlier the verdicts on versions of earlier days
   * @param judged the verdicts on attempts
   * @param candidate what is asked about: the best such attempt, or else the best earlier version
   * @param attempts number of attempts that were made
   */
  record Asked(
      Judgement champion,
      List<Judgement> earlier,
      List<Judgement> judged,
      Judgement candidate,
      int attempts)
      implements RunOutcome {
    /** Whether the champion has failed. */
    public boolean isOfFailure() {
      return champion.verdict().kind() == Kind.NEEDS_RETRAINING;
    }

    /** The verdicts on the other attempts. */
    public List<Judgement> others() {
      return judged.stream()
          .filter(judgement -> !judgement.modelId().equals(candidate.modelId()))
          .toList();
    }
  }

  /**
   * The champion failed and so did every earlier version and every attempt that was judged.
   *
   * @param earlier the verdicts on versions that were approved earlier
   * @param failed the verdicts on attempts; empty if none found anything better than the champion
   * @param attempts number of attempts that were made
   * @param choice why not each of them was judged, in sentences; empty where each was
   */
  record Exhausted(
      Judgement champion,
      List<Judgement> earlier,
      List<Judgement> failed,
      int attempts,
      String choice)
      implements RunOutcome {
    /** Why no candidate was approved. */
    public enum Reason {
      /** No attempt found anything better than the champion. */
      NOTHING_BETTER,
      /** No candidate reached the gate's threshold. */
      BELOW_GATE,
      /** The best candidate was above the threshold and below the champion on the same rows. */
      BELOW_CHAMPION,
      /** The rows are too few to tell whether the best candidate may be promoted. */
      UNDECIDED,
      /** The best candidate failed another check. */
      REFUSED;

      public String id() {
        return name().toLowerCase(Locale.ROOT);
      }
    }

    /** The verdict that was given last: on an attempt, or else on the champion. */
    public Judgement last() {
      return failed.isEmpty() ? champion : failed.getLast();
    }

    /** The candidate with the greatest value of the gate's metric; the first of equals. */
    public Optional<Judgement> best() {
      return EarlierVersions.best(failed);
    }

    public Reason reason() {
      return best().map(Exhausted::reason).orElse(Reason.NOTHING_BETTER);
    }

    private static Reason reason(Judgement best) {
      Verdict verdict = best.verdict();
      if (verdict.value() < verdict.threshold()) {
        return Reason.BELOW_GATE;
      }
      if (verdict.kind() == Kind.UNDECIDED) {
        return Reason.UNDECIDED;
      }
      return verdict.value() < best.championValue() ? Reason.BELOW_CHAMPION : Reason.REFUSED;
    }

    /** What people are told. */
    public String message() {
      Judgement best = best().orElse(champion);
      Verdict verdict = best.verdict();
      String metric = verdict.metric().title();
      String standing =
          switch (reason()) {
            case NOTHING_BETTER ->
                String.format(
                    Locale.ROOT,
                    "No candidate was found after %s. The champion %s has the %s score %.4f on the"
                        + " day's rows, below the threshold of %s.",
                    tries(attempts),
                    champion.modelId(),
                    metric,
                    verdict.value(),
                    verdict.threshold());
            case BELOW_GATE ->
                String.format(
                        Locale.ROOT,
                        "Model failed to meet %s threshold of %s after %s."
                            + " Final %s score: %.4f. The best candidate, %s of attempt %d, reached"
                            + " %.4f; the champion %s has %.4f on the same rows.",
                        metric,
                        verdict.threshold(),
                        tries(attempts),
                        metric,
                        last().verdict().value(),
                        best.modelId(),
                        best.attempt(),
                        verdict.value(),
                        best.championId(),
                        best.championValue())
                    + wayOut(best);
            case BELOW_CHAMPION ->
                String.format(
                    Locale.ROOT,
                    "No candidate is better than the champion after %s. The"
                        + " best candidate, %s of attempt %d, %s the %s threshold of %s with"
                        + " %.4f but is below the champion %s, which has %.4f on the same rows.",
                    tries(attempts),
                    best.modelId(),
                    best.attempt(),
                    best.reachesGate() ? "reached" : "may reach",
                    metric,
                    verdict.threshold(),
                    verdict.value(),
                    best.championId(),
                    best.championValue());
            case UNDECIDED, REFUSED ->
                String.format(
                    Locale.ROOT,
                    "No candidate was accepted after %s. The best candidate, %s"
                        + " of attempt %d: %s The champion %s has %.4f on the same rows.",
                    tries(attempts),
                    best.modelId(),
                    best.attempt(),
                    verdict.reason(),
                    best.championId(),
                    best.championValue());
          };
      return standing
          + (verdict.kind() == Kind.UNDECIDED ? stays() : "")
          + (choice.isEmpty() ? "" : " " + choice)
          + earlierSentence()
          + " Manual intervention required.";
    }

    /** What a person can do for a candidate that is better and below the gate. */
    private String wayOut(Judgement best) {
      double gain = best.verdict().value() - best.championValue();
      return gain > 0 && champion.key().rules().belowGate() == BelowGate.ALERT
          ? String.format(
              Locale.ROOT,
              " It is better by %.4f; to promote such a version when it is surely better, set"
                  + " gate.below_gate to promote_if_superior, or to ask to decide yourself.",
              gain)
          : "";
    }

    private String stays() {
      return switch (champion.key().rules().evidence()) {
        case INTERVAL ->
            " It stays a challenger, and is judged beside the champion on the next days.";
        case POINT ->
            " It stays a challenger, and is judged again on the next day on which the champion"
                + " fails.";
      };
    }

    private String earlierSentence() {
      return EarlierVersions.best(earlier)
          .map(
              best ->
                  String.format(
                      Locale.ROOT,
                      " No earlier version passes either; the best of %d, %s, has %.4f on the day's"
                          + " rows.",
                      earlier.size(),
                      best.modelId(),
                      best.verdict().value()))
          .orElse("");
    }
  }

  /**
   * How the run ended that made this verdict on the champion; an {@link InvalidInputException}
   * where it has no verdict on an attempt yet.
   */
  static RunOutcome of(StepContext context, ProcessedBatch batch, Judgement champion) {
    Optional<EarlierVersions> lookBack =
        EarlierVersions.find(context, batch.batchId(), champion.key());
    if (champion.verdict().kind() != Kind.NEEDS_RETRAINING) {
      return lookBack
          .flatMap(found -> ofChallengers(context, batch.batchId(), champion, found))
          .orElseGet(() -> champion.passed() ? new Healthy(champion) : new Undecided(champion));
    }
    List<Judgement> earlier = lookBack.map(EarlierVersions::judged).orElse(List.of());
    Optional<Judgement> chosen = EarlierVersions.chosen(earlier, true);
    if (chosen.isPresent()) {
      String reason = lookBack.orElseThrow().reason();
      return chosen.get().isProved()
          ? new ChallengerPromoted(champion, chosen.get(), List.of(), 0, reason)
          : new LookedBack(champion, chosen.get(), reason);
    }
    return switch (champion.key().rules().selection()) {
      case FIRST_PASSING -> firstPassing(context, batch, champion, earlier);
      case BEST_ON_VALIDATION -> bestOnValidation(context, batch, champion, earlier);
    };
  }

  /**
   * What proved challengers lead to where the champion has not failed. A person is asked about one
   * once, not on each day that confirms the proof.
   */
  private static Optional<RunOutcome> ofChallengers(
      StepContext context, String batchId, Judgement champion, EarlierVersions found) {
    List<Judgement> proved = found.judged().stream().filter(Judgement::isProved).toList();
    List<Judgement> newlyAsked =
        asked(proved).stream()
            .filter(
                version -> !ApprovalRequest.isOpenElsewhere(context, batchId, version.modelId()))
            .toList();
    return EarlierVersions.chosen(proved, false)
        .<RunOutcome>map(
            challenger ->
                new ChallengerPromoted(champion, challenger, List.of(), 0, found.reason()))
        .or(
            () ->
                EarlierVersions.best(newlyAsked)
                    .map(best -> new Asked(champion, proved, List.of(), best, 0)));
  }

  private static RunOutcome bestOnValidation(
      StepContext context, ProcessedBatch batch, Judgement champion, List<Judgement> earlier) {
    ChosenAttempt choice =
        ChosenAttempt.find(context, batch.batchId(), champion.key())
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "The run '%s' stopped before the hold-out judged an attempt; run"
                                .formatted(context.run().runId())
                            + " judge_candidate for it again."));
    int attempts = choice.tried().size();
    if (choice.chosen().isEmpty()) {
      return unapproved(champion, earlier, List.of(), attempts, choice.reason());
    }
    JudgedAttempt judged =
        JudgedAttempt.find(context, batch, champion.key(), choice.chosen().get().number())
            .orElseThrow();
    String reason = "%s %s".formatted(choice.reason(), judged.sentence()).strip();
    return judged.decisive().passed()
        ? new Finetuned(champion, judged.failed(), judged.decisive(), attempts, reason)
        : unapproved(champion, earlier, judged.failed(), attempts, reason);
  }

  private static RunOutcome firstPassing(
      StepContext context, ProcessedBatch batch, Judgement champion, List<Judgement> earlier) {
    List<Judgement> failed = new ArrayList<>();
    Map<Integer, String> sentences = new HashMap<>();
    Rules rules = champion.key().rules();
    int maxAttempts = rules.maxAttempts();
    List<Attempt> made = Attempt.ofRun(context, batch, rules.gate().metric());
    for (int attempt = 1; attempt <= maxAttempts; attempt++) {
      if (hasNoCandidate(made, attempt)) {
        continue;
      }
      Optional<JudgedAttempt> judged = JudgedAttempt.find(context, batch, champion.key(), attempt);
      if (judged.isEmpty()) {
        throw new InvalidInputException(
            "The run '%s' stopped before attempt %d of %d was judged; run finetune_model and"
                    .formatted(context.run().runId(), attempt, maxAttempts)
                + " evaluate_finetuned_model for it again.");
      }
      JudgedAttempt versions = judged.get();
      if (versions.decisive().passed() && versions.decisive().reachesGate()) {
        failed.addAll(versions.failed());
        return new Finetuned(
            champion,
            List.copyOf(failed),
            versions.decisive(),
            attempt,
            "Attempt %d is the first that passed. %s"
                .formatted(attempt, versions.sentence())
                .strip());
      }
      failed.addAll(versions.all());
      sentences.put(attempt, versions.sentence());
    }
    Optional<Judgement> best =
        EarlierVersions.best(failed.stream().filter(Judgement::passed).toList());
    if (best.isPresent()) {
      failed.remove(best.get());
      return new Finetuned(
          champion,
          List.copyOf(failed),
          best.get(),
          maxAttempts,
          "No attempt reaches the threshold, and attempt %d is the best of those that pass below it. %s"
              .formatted(best.get().attempt(), sentences.getOrDefault(best.get().attempt(), ""))
              .strip());
    }
    return unapproved(
        champion, earlier, List.copyOf(failed), maxAttempts, Attempts.withoutCandidate(made));
  }

  private static boolean hasNoCandidate(List<Attempt> made, int number) {
    return made.stream()
        .anyMatch(
            attempt -> attempt.number() == number && attempt instanceof Attempt.WithoutCandidate);
  }

  /**
   * No attempt passed: a challenger below the gate follows, a person is asked about a version, or
   * there is none left.
   */
  private static RunOutcome unapproved(
      Judgement champion,
      List<Judgement> earlier,
      List<Judgement> judged,
      int attempts,
      String choice) {
    return EarlierVersions.fallback(earlier)
        .<RunOutcome>map(
            challenger ->
                new ChallengerPromoted(
                    champion,
                    challenger,
                    judged,
                    attempts,
                    "%s, a challenger, is approved to follow %s after %s that did not pass: %s"
                        .formatted(
                            challenger.modelId(),
                            champion.modelId(),
                            tries(attempts),
                            challenger.verdict().reason())))
        .or(
            () ->
                EarlierVersions.best(asked(judged))
                    .or(() -> EarlierVersions.best(asked(earlier)))
                    .map(best -> new Asked(champion, earlier, judged, best, attempts)))
        .orElseGet(() -> new Exhausted(champion, earlier, judged, attempts, choice));
  }

  private static String tries(int attempts) {
    return attempts == 1 ? "1 retraining attempt" : attempts + " retraining attempts";
  }

  private static List<Judgement> asked(List<Judgement> judged) {
    return judged.stream().filter(Judgement::asked).toList();
  }
}
