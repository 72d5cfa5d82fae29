package retune.steps.deployment;

import java.time.LocalDate;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.judgement.ChallengerPromotion;
import retune.judgement.DayOutcome;
import retune.model.Champions.Champion;
import retune.runtime.store.DocumentStore;
import retune.steps.retraining.RetrainingOutcome;

/**
 * What a deployment reads: a day's last outcome, a retraining's, or the promotion of a challenger.
 *
 * @param of what ended: evaluation, retraining or promotion
 * @param status how, in a word
 * @param approves whether a version is to be in production
 * @param modelId that version
 * @param championId the version in production that it was judged against
 * @param message what happened, in sentences
 * @param whyOvertaken why it is not deployed where another version is in production by now
 */
record DeployableOutcome(
    String of,
    String status,
    boolean approves,
    String modelId,
    String championId,
    String message,
    Function<Champion, String> whyOvertaken) {
  /**
   * The outcome of a day or, if one is given, of a retraining or of a challenger's promotion, which
   * its prefix tells apart.
   */
  static Optional<DeployableOutcome> find(
      DocumentStore store, String model, @Nullable LocalDate date, @Nullable String retraining) {
    if (retraining != null && retraining.startsWith(ChallengerPromotion.PREFIX)) {
      return ChallengerPromotion.find(store, model, retraining)
          .map(
              promotion ->
                  new DeployableOutcome(
                      "promotion",
                      "approved",
                      true,
                      promotion.modelId(),
                      promotion.championId(),
                      promotion.message(),
                      promotion::overtaken));
    }
    if (retraining != null) {
      return RetrainingOutcome.find(store, model, retraining)
          .map(
              outcome ->
                  new DeployableOutcome(
                      "retraining",
                      outcome.approved() ? "promoted" : "kept",
                      outcome.approved(),
                      outcome.modelId(),
                      outcome.championId(),
                      outcome.message(),
                      outcome::overtaken));
    }
    if (date == null) {
      throw new InvalidInputException(
          "The deployment needs 'logical_date' or 'retraining'; give one of them.");
    }
    return DayOutcome.latest(store, model, date)
        .map(
            outcome ->
                new DeployableOutcome(
                    "evaluation",
                    outcome.status().id(),
                    outcome.status().approves(),
                    outcome.modelId(),
                    outcome.championId(),
                    outcome.message(),
                    outcome::overtaken));
  }

  String overtaken(Champion champion) {
    return whyOvertaken.apply(champion);
  }
}
