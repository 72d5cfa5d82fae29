package retune.control;

import java.time.Instant;
import java.time.LocalDate;
import org.bson.Document;
import retune.core.judgement.Gate;
import retune.core.judgement.Rules;
import retune.core.metrics.Metric;
import retune.judgement.ApprovalRequest;
import retune.judgement.DayKey;
import retune.judgement.DayOutcome;
import retune.judgement.DayOutcome.Status;
import retune.judgement.RetrainingInfo;
import retune.model.Champions;
import retune.testing.TestContext;

/** How days of the model {@code credit} ended, without their runs. */
final class Outcomes {
  private Outcomes() {}

  /** Registers a champion and a challenger, and asks about the challenger; its id. */
  static String ask(RunningControl control, LocalDate day, String reason) {
    String champion = control.register("credit");
    String challenger = control.register("credit", 0.3, false);
    control
        .store()
        .documents()
        .collection("model_metadata")
        .updateOne(
            new Document("_id", challenger),
            new Document("$set", new Document("status", "challenger")));
    add(control, day, champion, Status.ASKED, "A person is asked.", "labels");
    TestContext context = control.store().context();
    Instant now = context.clock().instant();
    new ApprovalRequest(
            "credit/%s/0123456789ab".formatted(day),
            "credit",
            day,
            key("labels"),
            "run",
            challenger,
            "20261001_101500",
            champion,
            new Champions(control.store().documents()).get("credit").revision(),
            Status.RETRAINED,
            info(),
            new ApprovalRequest.Gain(0.6, 0.5, 0.1, null),
            reason,
            "verdict",
            now,
            now.plus(ApprovalRequest.OPEN_FOR))
        .keep(context);
    return challenger;
  }

  /**
   * Ends a day with the version in production.
   *
   * @param labels a day that is judged again with other labels gets another outcome
   */
  static void add(
      RunningControl control,
      LocalDate day,
      String champion,
      Status status,
      String message,
      String labels) {
    new DayOutcome(
            "credit",
            day,
            0,
            key(labels),
            "run",
            status,
            champion,
            "20261001_101500",
            champion,
            false,
            info(),
            message)
        .add(control.store().context());
  }

  private static DayKey key(String labels) {
    return new DayKey("batch", labels, null, Rules.published(new Gate(Metric.F1_MACRO, 0.66), 3));
  }

  private static RetrainingInfo info() {
    return new RetrainingInfo(
        false, null, null, null, null, null, 0.5, 0.66, 0, Metric.F1_MACRO, 0.5, 0.66, 0.5);
  }
}
