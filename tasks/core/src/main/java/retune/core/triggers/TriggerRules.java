package retune.core.triggers;

import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * What may start a retraining of a model.
 *
 * <p>Without new labelled rows a training has nothing to learn, so only {@link Request#FORCED}
 * starts one. A calendar trigger fires at the first decision after its time, however late that is,
 * and at no other until its next time: a missed check, a clock that jumps and a back-fill start one
 * retraining, not several. Times are UTC, which has no daylight saving.
 *
 * <p>{@link Trigger#HARM}, {@link Trigger#LOW_AUC} and {@link Trigger#DRIFT} describe a state that
 * may last for weeks. The hold-out of a date judges once, so after a retraining they wait until the
 * new rows suffice for another comparison: one on too few rows can promote nothing.
 *
 * @param on the triggers that the loop wants
 * @param minSamples new labelled rows from which {@link Trigger#ADAPTIVE} fires
 * @param minDays days after which it fires with fewer
 * @param maxDays days after which {@link Trigger#AGE} fires
 * @param minAuc ROC AUC below which {@link Trigger#LOW_AUC} fires
 * @param mostSamples new labelled rows above which {@link Trigger#VOLUME} fires
 * @param onDrift what follows {@link Trigger#DRIFT}
 */
public record TriggerRules(
    Set<Trigger> on,
    long minSamples,
    int minDays,
    int maxDays,
    double minAuc,
    long mostSamples,
    OnDrift onDrift) {
  /**
   * New labelled rows from which a retraining is recommended where the loop has no adaptive one.
   */
  private static final long RECOMMENDED_SAMPLES = 50;

  public TriggerRules {
    on = Set.copyOf(on);
    if (minSamples < 1 || minDays < 1 || maxDays < 1 || mostSamples < 1) {
      throw new InvalidInputException("Numbers of samples and of days must be at least 1.");
    }
    if (!(minAuc >= 0 && minAuc <= 1)) {
      throw new InvalidInputException("The least ROC AUC must be from 0 to 1, not " + minAuc + ".");
    }
  }

  /**
   * Decides.
   *
   * @param request who asks for a retraining beside these rules
   */
  public Decision decide(TriggerFacts facts, Request request) {
    String recommendation = recommendation(facts);
    String advice = advice(facts);
    if (request == Request.FORCED) {
      return new Decision.Fire(
          "forced", "Retraining is forced. " + rows(facts), recommendation, advice);
    }
    if (facts.newSamples() == 0) {
      return notYet(
          facts, "Not yet - no new labelled samples since the last training.", recommendation);
    }
    if (request == Request.API) {
      return new Decision.Fire(
          "api_triggered",
          "Retraining is requested through the API. " + rows(facts),
          recommendation,
          advice);
    }
    for (Trigger trigger : EnumSet.allOf(Trigger.class)) {
      Optional<String> reason = on.contains(trigger) ? reason(trigger, facts) : Optional.empty();
      if (reason.isPresent()) {
        return new Decision.Fire(
            trigger.eventName(), reason.get() + " " + rows(facts), recommendation, advice);
      }
    }
    return notYet(facts, silence(facts, recommendation), recommendation);
  }

  /** Why a trigger fires; empty where it does not. */
  private Optional<String> reason(Trigger trigger, TriggerFacts facts) {
    TriggerFacts.Quality quality = facts.quality();
    TriggerFacts.Drift drift = facts.drift();
    return switch (trigger) {
      case HARM ->
          when(
              quality != null && quality.harmful() && canJudge(facts),
              quality == null ? "" : quality.sentence());
      case LOW_AUC -> {
        Double auc = quality == null ? null : quality.rocAuc();
        yield when(
            auc != null && auc < minAuc && canJudge(facts),
            String.format(Locale.ROOT, "The ROC AUC is %.4f, below %s.", auc, minAuc));
      }
      case DRIFT ->
          when(
              drift != null && drift.detected() && onDrift == OnDrift.RETRAIN && canJudge(facts),
              "The drift report %s alarms.".formatted(drift == null ? "" : drift.report()));
      case ADAPTIVE ->
          when(
                  facts.newSamples() >= minSamples,
                  "Recommended - %d+ new samples available.".formatted(minSamples))
              .or(
                  () ->
                      when(
                          facts.days() >= minDays,
                          "The last training was %d days ago, and new rows wait for at most %d."
                              .formatted(facts.days(), minDays)));
      case WEEKLY -> calendar(facts, Calendar.WEEKLY.last(facts.now()), "The weekly retraining");
      case MONTHLY -> calendar(facts, Calendar.MONTHLY.last(facts.now()), "The monthly retraining");
      case AGE ->
          when(facts.days() >= maxDays, "Overdue - data is %d+ days old.".formatted(maxDays));
      case VOLUME ->
          when(
              facts.newSamples() > mostSamples,
              "There are more than %,d new samples.".formatted(mostSamples));
    };
  }

  private static boolean canJudge(TriggerFacts facts) {
    return facts.missingToJudge() == 0;
  }

  private static Optional<String> calendar(TriggerFacts facts, Instant time, String what) {
    return when(time.isAfter(facts.lastTraining()), "%s of %s is due.".formatted(what, time));
  }

  private static Optional<String> when(boolean fires, String reason) {
    return fires ? Optional.of(reason) : Optional.empty();
  }

  private static String rows(TriggerFacts facts) {
    return "%,d new labelled %s since the last training, %d %s ago."
        .formatted(
            facts.newSamples(),
            facts.newSamples() == 1 ? "row" : "rows",
            facts.days(),
            facts.days() == 1 ? "day" : "days");
  }

  /** Why nothing fires: the published words, and what each trigger lacks. */
  private String silence(TriggerFacts facts, String recommendation) {
    if (on.isEmpty()) {
      return recommendation + ". No trigger is on; name some in the loop file, or force_retrain.";
    }
    List<String> lacks = new ArrayList<>();
    TriggerFacts.Quality quality = facts.quality();
    for (Trigger trigger : EnumSet.copyOf(on)) {
      switch (trigger) {
        case HARM ->
            lacks.add(
                quality == null
                    ? "harm: the model in production has not been evaluated"
                    : "harm: " + quality.sentence());
        case LOW_AUC ->
            lacks.add(
                quality == null || quality.rocAuc() == null
                    ? "low_auc: the ROC AUC is not known"
                    : String.format(Locale.ROOT, "low_auc: %.4f of %s", quality.rocAuc(), minAuc));
        case DRIFT -> lacks.add("drift: " + drift(facts));
        case ADAPTIVE ->
            lacks.add(
                "adaptive: %,d of %,d samples, %d of %d days"
                    .formatted(facts.newSamples(), minSamples, facts.days(), minDays));
        case WEEKLY -> lacks.add("weekly: next at " + Calendar.WEEKLY.next(facts.now()));
        case MONTHLY -> lacks.add("monthly: next at " + Calendar.MONTHLY.next(facts.now()));
        case AGE -> lacks.add("age: %d of %d days".formatted(facts.days(), maxDays));
        case VOLUME ->
            lacks.add(
                "volume: %,d of more than %,d samples".formatted(facts.newSamples(), mostSamples));
      }
    }
    String silence = recommendation + ". No trigger fires; " + String.join("; ", lacks) + ".";
    return facts.missingToJudge() > 0
            && on.stream()
                .anyMatch(EnumSet.of(Trigger.HARM, Trigger.LOW_AUC, Trigger.DRIFT)::contains)
        ? silence
            + " After the last retraining, a comparison needs %,d more labelled rows."
                .formatted(facts.missingToJudge())
        : silence;
  }

  private String drift(TriggerFacts facts) {
    TriggerFacts.Drift drift = facts.drift();
    if (drift == null) {
      return "there is no report";
    }
    return drift.detected() ? "alarms, but on_drift is " + onDrift.id() : "none detected";
  }

  private Decision.NotYet notYet(TriggerFacts facts, String reason, String recommendation) {
    return new Decision.NotYet(
        reason,
        recommendation,
        advice(facts),
        Math.max(0, samplesLimit() - facts.newSamples()),
        Math.max(0, daysLimit() - facts.days()));
  }

  private @Nullable String advice(TriggerFacts facts) {
    TriggerFacts.Drift drift = facts.drift();
    return drift != null
            && drift.detected()
            && on.contains(Trigger.DRIFT)
            && onDrift != OnDrift.RETRAIN
        ? "The drift report %s alarms: %s.".formatted(drift.report(), onDrift.advice())
        : null;
  }

  /** The published words about age and number of rows, without a full stop. */
  private String recommendation(TriggerFacts facts) {
    if (facts.days() >= daysLimit()) {
      return "Overdue - data is %d+ days old".formatted(daysLimit());
    }
    if (facts.newSamples() >= samplesLimit()) {
      return "Recommended - %d+ new samples available".formatted(samplesLimit());
    }
    return "Not yet - need %d more samples or %d more days"
        .formatted(samplesLimit() - facts.newSamples(), daysLimit() - facts.days());
  }

  private long samplesLimit() {
    return on.contains(Trigger.ADAPTIVE) ? minSamples : RECOMMENDED_SAMPLES;
  }

  private int daysLimit() {
    return on.contains(Trigger.ADAPTIVE) ? Math.min(minDays, maxDays) : maxDays;
  }
}
