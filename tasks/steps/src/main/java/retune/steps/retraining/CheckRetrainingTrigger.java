package retune.steps.retraining;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Hashing;
import retune.core.judgement.Evidence;
import retune.core.triggers.Decision;
import retune.core.triggers.OnDrift;
import retune.core.triggers.Request;
import retune.core.triggers.Trigger;
import retune.core.triggers.TriggerFacts;
import retune.core.triggers.TriggerRules;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.RunIdentity;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.TextPage;
import retune.runtime.store.Lease;
import retune.runtime.store.Provenance;

@About(
    value =
        "Decides whether a model is to be trained again, and says why, or what is missing. Keeps"
            + " every decision with its facts. A decision to retrain takes the model's lease, so"
            + " that several triggers start one retraining.",
    pipeline = Pipeline.RETRAINING,
    example = "--model credit-default --triggers harm,adaptive",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class CheckRetrainingTrigger
    implements Step<CheckRetrainingTrigger.Input, CheckRetrainingTrigger.Output> {
  private static final Logger LOGGER = System.getLogger(CheckRetrainingTrigger.class.getName());
  private static final String DECISIONS = "trigger_decisions";
  private static final String FIRES = "fires";

  public record Input(
      @Field("the model's name") String model,
      @Field(
              "what may start a retraining: harm (the model in production is below the gate, by"
                  + " the loop's evidence, or surely so by an estimate of a later day without"
                  + " labels), low_auc, drift, adaptive (enough new labelled rows, or"
                  + " enough days with some), weekly (Sunday 03:00 UTC), monthly (the 1st, 02:00"
                  + " UTC), age (the last training is long ago) and volume (many new rows); none"
                  + " by default")
          List<Trigger> triggers,
      @Field(
              value = "adaptive: new labelled rows from which a retraining starts",
              byDefault = "100",
              min = 1)
          int minSamples,
      @Field(
              value = "adaptive: days after which it starts with fewer",
              byDefault = "7",
              min = 1,
              max = 3650)
          int minDays,
      @Field(
              value = "age: days since the last training after which a retraining starts",
              byDefault = "30",
              min = 1,
              max = 3650)
          int maxDaysSinceTraining,
      @Field(
              value = "low_auc: ROC AUC below which a retraining starts",
              byDefault = "0.75",
              min = 0,
              max = 1)
          double minAuc,
      @Field(
              value = "volume: new labelled rows above which a retraining starts",
              byDefault = "100000",
              min = 1)
          int mostSamples,
      @Field(
              value =
                  "what follows a drift report that alarms: evaluate or request_labels, which only"
                      + " say so, or retrain",
              byDefault = "evaluate")
          OnDrift onDrift,
      @Field(
              value =
                  "what proves harm: the evidence over days (interval), or the last day's value"
                      + " below the threshold (point)",
              byDefault = "interval")
          Evidence evidence,
      @Field(
              "the drift report: a JSON file, or an id in drift_reports; the model's last one if"
                  + " left out")
          @Nullable String driftReportPath,
      @Field("the column to predict; refused if the model predicts another")
          @Nullable String targetColumn,
      @Field(
              value =
                  "who asks: none or manual (the triggers decide), api (starts if there are new"
                      + " labelled rows) or forced (as force_retrain)",
              byDefault = "none")
          Request request,
      @Field(value = "start a retraining whatever the triggers say", byDefault = "false")
          boolean forceRetrain,
      @Field(
              value = "hours after which another retraining may start if this one has not ended",
              byDefault = "12",
              min = 1,
              max = 720)
          int leaseHours,
      @Field(value = "only answer: keep no decision and start nothing", byDefault = "false")
          boolean dryRun) {}

  public record Output(
      @Field("whether a retraining starts") boolean shouldRetrain,
      @Field("the retraining's id; none if nothing starts") @Nullable String retrainingId,
      @Field(
              "what started it: harm, low_auc, drift, adaptive, schedule_weekly, schedule_monthly,"
                  + " age, volume, api_triggered or forced")
          @Nullable String trigger,
      @Field("the reason, as sentences") String reason,
      @Field("whether one is due by age and number of rows, in words") String recommendation,
      @Field("new labelled rows that are missing until one is recommended") long missingSamples,
      @Field("days that are missing until one is overdue") long missingDays,
      @Field("what to do about drift that starts nothing") @Nullable String advice,
      @Field("labelled rows of days after those that the last training knew") long newSamples,
      @Field("days since the last training") long daysSinceTraining,
      @Field("the version in production") String championId,
      @Field("id of the decision in trigger_decisions; none with dry_run")
          @Nullable String decisionId)
      implements Page {
    @Override
    public String text() {
      return new TextPage()
          .heading(shouldRetrain ? "Retrain" : "Do not retrain")
          .line("reason", reason)
          .line("recommendation", recommendation)
          .line("advice", advice)
          .line("in production", championId)
          .line("new samples", Long.toString(newSamples))
          .line("last training", daysSinceTraining + " days ago")
          .line("retraining", retrainingId)
          .line("decision", decisionId)
          .toString();
    }
  }

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    String id = input.model() + "/" + context.run().eventKey();
    String retrainingId = retrainingId(input.model(), context.run());
    Lease lease = Lease.toRetrain(context.store(), input.model());
    Duration duration = Duration.ofHours(input.leaseHours());
    if (input.dryRun()) {
      return told(output(null, retrainingId, decide(input, context, null, lease, duration)));
    }
    Optional<Document> earlier = context.store().events().find(DECISIONS, id);
    Document decided;
    if (earlier.isPresent()) {
      decided = earlier.get();
    } else {
      Document decision = decide(input, context, retrainingId, lease, duration);
      decided =
          context.store().events().append(DECISIONS, id, decision)
              ? decision
              : context.store().events().find(DECISIONS, id).orElseThrow();
    }
    if (decided.getBoolean(FIRES)) {
      RetrainingEvents.add(
          context,
          input.model(),
          retrainingId,
          decided.getString("trigger"),
          RetrainingEvents.Status.STARTED,
          new Document("model_id", decided.getString("champion_id"))
              .append("details", new Document("reason", decided.getString("reason")))
              .append(
                  RetrainingEvents.DRIFT_DETECTED,
                  decided
                      .get("facts", Document.class)
                      .getBoolean(RetrainingEvents.DRIFT_DETECTED, false)));
    } else {
      lease.release(retrainingId);
    }
    return told(output(id, retrainingId, decided));
  }

  private static Output told(Output output) {
    LOGGER.log(Level.INFO, output.reason());
    return output;
  }

  /** The same for every try of a run, and for no other run. */
  private static String retrainingId(String model, RunIdentity run) {
    return "retraining-"
        + Hashing.sha256("%s/%s/%s".formatted(model, run.dagId(), run.runId())).substring(0, 12);
  }

  /**
   * Decides.
   *
   * @param retrainingId takes the lease if a retraining starts; null to start nothing
   */
  private static Document decide(
      Input input,
      StepContext context,
      @Nullable String retrainingId,
      Lease lease,
      Duration duration)
      throws IOException {
    GatheredFacts gathered = new GatheredFacts(context, input.model());
    String target = gathered.champion().target().column();
    if (input.targetColumn() != null && !input.targetColumn().equals(target)) {
      throw new InvalidInputException(
          "'%s' predicts '%s', not '%s'; leave target_column out, or make a loop for the other column with new_loop."
              .formatted(input.model(), target, input.targetColumn()));
    }
    TriggerFacts facts = gathered.gather(input.evidence(), input.driftReportPath());
    TriggerRules rules =
        new TriggerRules(
            Set.copyOf(input.triggers()),
            input.minSamples(),
            input.minDays(),
            input.maxDaysSinceTraining(),
            input.minAuc(),
            input.mostSamples(),
            input.onDrift());
    Request request = input.forceRetrain() ? Request.FORCED : input.request();
    Decision decision = rules.decide(facts, request);
    if (decision instanceof Decision.Fire fire) {
      Optional<Lease.Held> other =
          retrainingId == null
              ? lease.find().filter(held -> held.expiresAt().isAfter(facts.now()))
              : lease.take(retrainingId, facts.now(), duration);
      if (other.isPresent()) {
        decision = runsAlready(fire, other.get());
      }
    }
    return document(input, context, gathered, facts, request, decision);
  }

  private static Decision runsAlready(Decision.Fire fire, Lease.Held other) {
    return new Decision.NotYet(
        "Not yet - %s is running, at most until %s. This would have started one: %s"
            .formatted(
                other.holder(), other.expiresAt().truncatedTo(ChronoUnit.SECONDS), fire.reason()),
        fire.recommendation(),
        fire.advice(),
        0,
        0);
  }

  private static Document document(
      Input input,
      StepContext context,
      GatheredFacts gathered,
      TriggerFacts facts,
      Request request,
      Decision decision) {
    Document known =
        new Document("now", text(facts.now()))
            .append("last_training", text(facts.lastTraining()))
            .append("days", facts.days())
            .append("new_samples", facts.newSamples())
            .append("missing_to_judge", facts.missingToJudge());
    TriggerFacts.Quality quality = facts.quality();
    if (quality != null) {
      known
          .append("harmful", quality.harmful())
          .append("quality", quality.sentence())
          .append("roc_auc", quality.rocAuc());
    }
    TriggerFacts.Drift drift = facts.drift();
    if (drift != null) {
      known
          .append("drift_report", drift.report())
          .append(RetrainingEvents.DRIFT_DETECTED, drift.detected());
    }
    Document document =
        new Document("model", input.model())
            .append("champion_id", gathered.champion().modelId())
            .append(FIRES, decision instanceof Decision.Fire)
            .append("request", request.id())
            .append("triggers", input.triggers().stream().map(Trigger::id).toList())
            .append(
                "rules",
                new Document("min_samples", input.minSamples())
                    .append("min_days", input.minDays())
                    .append("max_days_since_training", input.maxDaysSinceTraining())
                    .append("min_auc", input.minAuc())
                    .append("most_samples", input.mostSamples())
                    .append("on_drift", input.onDrift().id())
                    .append("evidence", input.evidence().id()))
            .append("reason", decision.reason())
            .append("recommendation", decision.recommendation())
            .append("advice", decision.advice())
            .append("facts", known);
    switch (decision) {
      case Decision.Fire fire -> document.append("trigger", fire.cause());
      case Decision.NotYet notYet ->
          document
              .append("missing_samples", notYet.missingSamples())
              .append("missing_days", notYet.missingDays());
    }
    document.putAll(Provenance.of(context));
    return document;
  }

  private static String text(Instant instant) {
    return instant.toString();
  }

  private static Output output(@Nullable String id, String retrainingId, Document decided) {
    boolean fires = decided.getBoolean(FIRES);
    Document facts = decided.get("facts", Document.class);
    return new Output(
        fires,
        fires && id != null ? retrainingId : null,
        decided.getString("trigger"),
        decided.getString("reason"),
        decided.getString("recommendation"),
        number(decided, "missing_samples"),
        number(decided, "missing_days"),
        decided.getString("advice"),
        number(facts, "new_samples"),
        number(facts, "days"),
        decided.getString("champion_id"),
        id);
  }

  private static long number(Document document, String field) {
    return document.get(field) instanceof Number number ? number.longValue() : 0;
  }
}
