package retune.control.dashboard;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.metrics.Metric;
import retune.judgement.ApprovalRequest;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.report.Axis;
import retune.report.Chart;
import retune.runtime.StepContext;

/**
 * What the overview says of a model.
 *
 * @param days the last ones, the newest first
 * @param drift the last report on drift
 * @param trigger the last decision about a retraining
 * @param retraining the last event of a retraining
 * @param questions that wait for a person
 * @param undeployed the approval of a version that is not in production; null for none
 * @param alert the last one of the last day; null where it has none
 * @param isAcknowledged whether a person has acknowledged the alert
 * @param hasWeights whether the weights of the version in production are in the store
 */
record Summary(
    Champion champion,
    List<Reading.Day> days,
    Reading.@Nullable Drift drift,
    @Nullable Document trigger,
    @Nullable Document retraining,
    List<ApprovalRequest> questions,
    Reading.@Nullable Approval undeployed,
    @Nullable Document alert,
    boolean isAcknowledged,
    boolean hasWeights) {
  /** How many days the small chart shows. */
  static final int DAYS = 30;

  /** Days whose drift reports are looked for, the newest first. */
  private static final int DRIFT_DAYS = 3;

  /** A loop judges a day each day; after so many days without, a person should look. */
  private static final Duration SILENCE = Duration.ofDays(3);

  static Summary read(StepContext context, String model) {
    Reading reading = new Reading(context.store());
    List<Reading.Day> days = reading.days(model, DAYS);
    Optional<Document> alert =
        days.stream().findFirst().flatMap(day -> reading.alert(model, day.date()));
    Champion champion = new Champions(context.store()).get(model);
    return new Summary(
        champion,
        days,
        reading.drift(model, days.subList(0, Math.min(DRIFT_DAYS, days.size()))).values().stream()
            .findFirst()
            .orElse(null),
        reading.lastTrigger(model).orElse(null),
        reading.retrainings(model, 1).stream().findFirst().orElse(null),
        ApprovalRequest.open(context, model),
        reading.undeployed(champion, days).orElse(null),
        alert.orElse(null),
        alert.flatMap(found -> reading.acknowledgement(found.getString("_id"))).isPresent(),
        reading.hasWeights(champion.modelId()));
  }

  String model() {
    return champion.model();
  }

  Optional<Reading.Day> last() {
    return days.stream().findFirst();
  }

  /** What a person has to do, a sentence each. */
  List<Markup> needs(Viewer viewer, Instant now) {
    List<Markup> needs = new ArrayList<>();
    for (ApprovalRequest question : questions) {
      needs.add(
          Markup.of(
              "<strong>Approve or reject {}.</strong> {}{}",
              Markup.link(Paths.version(model(), question.modelId()), question.modelId()),
              question.question(),
              buttons(
                  Button.APPROVE.link(model(), question.id(), viewer),
                  Button.REJECT.link(model(), question.id(), viewer))));
    }
    if (undeployed != null) {
      needs.add(
          Markup.of(
              "<strong>Deploy {}.</strong> It was approved to follow {} on {}, and is not in"
                  + " production: its deployment has not started, failed, or runs now.{}",
              Markup.link(Paths.version(model(), undeployed.modelId()), undeployed.modelId()),
              champion.modelId(),
              Words.time(undeployed.at()),
              viewer.can().steer() && viewer.can().start()
                  ? buttons(Button.DEPLOY.link(model(), undeployed.modelId(), viewer))
                  : Markup.of("<pre>{}</pre>", deployment(undeployed))));
    }
    last()
        .ifPresent(
            day -> {
              switch (day.status()) {
                case "failed_max_retries" -> {
                  if (!isAcknowledged) {
                    needs.add(
                        Markup.of(
                            "<strong>Look into {}: no version passed.</strong> {}The last verdict"
                                + " says why.{}",
                            day.date(),
                            Double.isFinite(day.value())
                                ? "%s of the version in production is %s, the limit %s. "
                                    .formatted(
                                        Metric.ofId(day.metric()).title(),
                                        Chart.fixed(day.value()),
                                        Axis.label(day.threshold()))
                                : "",
                            alert == null
                                ? Markup.NONE
                                : buttons(
                                    Button.ACKNOWLEDGE.link(
                                        model(), alert.getString("_id"), viewer))));
                  }
                }
                case "held_back" ->
                    needs.add(
                        Markup.of(
                            "<strong>Decide about {}: a version is held back.</strong> {}",
                            day.date(),
                            day.message()));
                default -> {}
              }
              if (Duration.between(day.at(), now).compareTo(SILENCE) > 0) {
                needs.add(
                    Markup.of(
                        "<strong>No day has been judged since {}.</strong> Check that the loop's"
                            + " schedule is on and that its last run ended.",
                        Words.time(day.at())));
              }
            });
    if (!hasWeights) {
      needs.add(
          Markup.of(
              "<strong>The weights of {} are not in the store.</strong> Services keep what they"
                  + " have loaded; one that starts now has no model. Register the version again.",
              champion.modelId()));
    }
    if (!champion.deployed()) {
      needs.add(
          Markup.of(
              "<strong>{} is not deployed yet.</strong> Run the deployment, or see its run in"
                  + " Airflow.",
              champion.modelId()));
    }
    return needs;
  }

  private String deployment(Reading.Approval approval) {
    return "./retune deploy_model --model %s --model-id %s %s %s"
        .formatted(model(), approval.modelId(), approval.option(), approval.partition());
  }

  /** Buttons in a row; nothing where nobody may press one. */
  static Markup buttons(Markup... links) {
    Markup all = Markup.join(links);
    return all.html().isEmpty() ? Markup.NONE : Markup.of("<p class=\"buttons\">{}</p>", all);
  }
}
