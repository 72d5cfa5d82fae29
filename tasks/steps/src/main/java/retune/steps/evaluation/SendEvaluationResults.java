package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.finetuning.Strategy;
import retune.core.judgement.Verdict;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.VersionStatus.Event;
import retune.core.metrics.Metric;
import retune.judgement.ApprovalRequest;
import retune.judgement.Challenger;
import retune.judgement.Challengers;
import retune.judgement.DayLabels;
import retune.judgement.DayOutcome;
import retune.judgement.DayOutcome.Status;
import retune.judgement.Judgement;
import retune.judgement.RetrainingInfo;
import retune.judgement.RunOutcome;
import retune.model.Champions;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.batch.Batch;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;
import retune.runtime.store.RawBatches;

@About(
    value =
        "Concludes an evaluation from its verdicts: approves the version that passed, rejects the"
            + " candidates that failed, asks people where the loop wants a person to decide, and"
            + " records the day's outcome. Only approve, with a person's answer, approves as well.",
    pipeline = Pipeline.EVALUATION,
    example = "--model credit-default --logical-date 2026-11-05",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class SendEvaluationResults
    implements Step<SendEvaluationResults.Input, SendEvaluationResults.Output> {
  private static final Logger LOGGER = System.getLogger(SendEvaluationResults.class.getName());

  private static final String EVENTS = "evaluation_events";

  public record Input(
      @Field("the model's name") String model,
      @Field("the day that was evaluated") LocalDate logicalDate,
      @Field("the gate's metric, checked against the run's verdict; can be left out")
          @Nullable Metric metric,
      @Field(
              value = "the gate's threshold, checked against the run's verdict; can be left out",
              min = 0,
              max = 1)
          @Nullable Double threshold,
      @Field(
              value =
                  "number of fine-tuning attempts, checked against the run's verdict; can be left"
                      + " out",
              min = 1,
              max = Strategy.MOST_ATTEMPTS)
          @Nullable Integer maxAttempts,
      @Field(
              value =
                  "whether a version that was fine-tuned on an earlier day than the last one"
                      + " evaluated may replace the champion",
              byDefault = "false")
          boolean allowBackfillPromotion) {}

  public record Output(
      @Field(Status.IN_WORDS) String status,
      @Field("the version that belongs in production") String modelId,
      @Field("time of its creation, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("the version that was in production") String championId,
      @Field("whether a version was approved") boolean approved,
      @Field("what fine-tuning did") RetrainingInfo retrainingInfo,
      @Field("what happened, as a sentence") String message,
      @Field("number of the day's outcome, from 1; a change of rows, labels or loop file adds one")
          int revision,
      @Field("id of the question, if the day ended as asked") @Nullable String requestId,
      @Field("when the question expires, ISO 8601 UTC") @Nullable String expiresAt) {

    private static Output of(DayOutcome outcome, Optional<ApprovalRequest> request) {
      return new Output(
          outcome.status().id(),
          outcome.modelId(),
          outcome.modelVersion(),
          outcome.championId(),
          outcome.approved(),
          outcome.retrainingInfo(),
          outcome.message(),
          outcome.revision(),
          request.map(ApprovalRequest::id).orElse(null),
          request.map(asked -> asked.expiresAt().toString()).orElse(null));
    }
  }

  /**
   * What an outcome comes to.
   *
   * @param production the judgement of the version to be in production
   */
  private record Conclusion(
      Status status,
      Judgement production,
      List<Judgement> rejected,
      RetrainingInfo retrainingInfo,
      String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    ProcessedBatch batch =
        Batch.describe(context, RawBatches.batchId(input.model(), input.logicalDate()));
    Judgement champion =
        Judgement.ofChampion(context, batch)
            .require(input.metric(), input.threshold(), input.maxAttempts());
    DayOutcome outcome =
        DayOutcome.find(context.store(), input.model(), input.logicalDate(), champion.key())
            .filter(found -> !isReleased(input, context, batch, champion, found))
            .orElseGet(() -> decide(input, context, batch, champion));
    retireOvertaken(context, batch, outcome);
    Optional<ApprovalRequest> request = ApprovalRequest.of(context.store(), outcome);
    request.ifPresent(asked -> Question.send(context, asked));
    LOGGER.log(Level.INFO, outcome.message());
    return Output.of(outcome, request);
  }

  /** Whether the version that was held back may follow the champion now. */
  private static boolean isReleased(
      Input input,
      StepContext context,
      ProcessedBatch batch,
      Judgement champion,
      DayOutcome outcome) {
    return outcome.status() == Status.HELD_BACK
        && obstacle(
                input,
                context,
                new Champions(context.store()).find(input.model),
                RunOutcome.of(context, batch, champion))
            .isEmpty();
  }

  private static DayOutcome decide(
      Input input, StepContext context, ProcessedBatch batch, Judgement champion) {
    RunOutcome outcome = RunOutcome.of(context, batch, champion);
    Optional<Champion> pointer = new Champions(context.store()).find(input.model);
    Conclusion conclusion =
        obstacle(input, context, pointer, outcome)
            .map(obstacle -> heldBack(outcome, obstacle))
            .orElseGet(() -> conclude(context, batch, pointer, outcome));
    Judgement production = conclusion.production;

    ModelStore models = new ModelStore(context);
    for (Judgement judgement : conclusion.rejected) {
      models.move(judgement.modelId(), afterFailure(outcome, judgement), note(judgement));
    }
    if (outcome instanceof RunOutcome.Exhausted exhausted) {
      dropChallengers(models, exhausted.earlier());
    } else if (outcome instanceof RunOutcome.Asked asked) {
      if (asked.isOfFailure()) {
        dropChallengers(models, asked.earlier());
      }
      models.move(asked.candidate().modelId(), Event.CHALLENGE, note(asked.candidate()));
    }
    new Challengers(context, batch.model())
        .after(batch, champion).stream()
            .filter(Challenger::isDropped)
            .filter(dropped -> !dropped.modelId().equals(production.modelId()))
            .filter(dropped -> models.status(dropped.modelId()) == VersionStatus.CHALLENGER)
            .forEach(dropped -> models.move(dropped.modelId(), Event.REJECT, dropped.sentence()));
    DayOutcome decided =
        new DayOutcome(
            input.model,
            input.logicalDate,
            0,
            champion.key(),
            context.run().runId(),
            conclusion.status,
            production.modelId(),
            models.get(production.modelId()).modelVersion(),
            outcome.champion().modelId(),
            conclusion.status.approves(),
            conclusion.retrainingInfo,
            conclusion.message);
    recordEvent(context, batch, decided, production);
    if (production.passed()) {
      models.move(production.modelId(), Event.APPROVE, note(production));
    }
    return decided.add(context);
  }

  /**
   * Retires the version that this run approved where another run of the day was first, also where
   * this run stopped in between.
   */
  private static void retireOvertaken(
      StepContext context, ProcessedBatch batch, DayOutcome outcome) {
    ModelStore models = new ModelStore(context);
    context
        .store()
        .events()
        .find(EVENTS, eventId(context, batch, outcome))
        .map(event -> event.getString("model_id"))
        .filter(modelId -> !modelId.equals(outcome.modelId()))
        .filter(modelId -> models.status(modelId) == VersionStatus.APPROVED)
        .ifPresent(
            modelId ->
                models.move(
                    modelId,
                    Event.RETIRE,
                    "The run '%s' decided the day first, and its version is %s."
                        .formatted(outcome.runId(), outcome.modelId())));
  }

  private static String eventId(StepContext context, ProcessedBatch batch, DayOutcome outcome) {
    return "evaluation/%s/%s/%s"
        .formatted(batch.batchId(), context.run().runId(), outcome.key().id());
  }

  /** A candidate that is undecided stays a challenger, unless another one passed. */
  private static Event afterFailure(RunOutcome outcome, Judgement judgement) {
    return (outcome instanceof RunOutcome.Exhausted || outcome instanceof RunOutcome.Asked)
            && judgement.verdict().kind() == Verdict.Kind.UNDECIDED
        ? Event.CHALLENGE
        : Event.REJECT;
  }

  /** Rejects the challengers of earlier days that this day's rows decided against. */
  private static void dropChallengers(ModelStore models, List<Judgement> judgedAgain) {
    for (Judgement judgement : judgedAgain) {
      if (judgement.verdict().kind() == Verdict.Kind.REJECTED
          && models.status(judgement.modelId()) == VersionStatus.CHALLENGER) {
        models.move(judgement.modelId(), Event.REJECT, note(judgement));
      }
    }
  }

  private static Conclusion conclude(
      StepContext context, ProcessedBatch batch, Optional<Champion> pointer, RunOutcome outcome) {
    return switch (outcome) {
      case RunOutcome.Healthy(Judgement champion) ->
          new Conclusion(
              Status.APPROVED,
              champion,
              List.of(),
              RetrainingInfo.without(champion, 0),
              "%s is approved: %s".formatted(champion.modelId(), champion.verdict().reason()));
      case RunOutcome.Undecided(Judgement champion) ->
          new Conclusion(
              Status.UNDECIDED,
              champion,
              List.of(),
              RetrainingInfo.without(champion, 0),
              "%s stays: %s".formatted(champion.modelId(), champion.verdict().reason()));
      case RunOutcome.LookedBack(Judgement champion, Judgement version, String reason) ->
          new Conclusion(
              Status.LOOKED_BACK, version, List.of(), RetrainingInfo.without(version, 0), reason);
      case RunOutcome.ChallengerPromoted(
              Judgement champion,
              Judgement version,
              List<Judgement> failed,
              int attempts,
              String reason) ->
          new Conclusion(
              Status.CHALLENGER_PROMOTED,
              version,
              failed,
              RetrainingInfo.without(version, attempts),
              reason);
      case RunOutcome.Finetuned(
              Judgement champion,
              List<Judgement> failed,
              Judgement candidate,
              int attempts,
              String choice) ->
          new Conclusion(
              Status.RETRAINED,
              candidate,
              failed,
              RetrainingInfo.with(candidate, attempts),
              "%s is approved to follow %s: %s %s"
                  .formatted(
                      candidate.modelId(),
                      champion.modelId(),
                      candidate.verdict().reason(),
                      choice));
      case RunOutcome.Asked asked ->
          new Conclusion(
              Status.ASKED,
              asked.champion(),
              asked.others(),
              RetrainingInfo.without(asked.candidate(), asked.attempts()),
              Question.ask(context, batch, asked, pointer.orElseThrow()).question());
      case RunOutcome.Exhausted exhausted ->
          new Conclusion(
              Status.FAILED_MAX_RETRIES,
              exhausted.champion(),
              exhausted.failed(),
              RetrainingInfo.without(exhausted.last(), exhausted.attempts()),
              exhausted.message());
    };
  }

  /**
   * Why a version that passed, or that a person would be asked about, must not follow the champion,
   * in a sentence: a later day was judged since, the version was rolled back, or the champion has
   * changed and a person would compare it with the one before. Empty if it may, or if there is
   * none.
   */
  private static Optional<String> obstacle(
      Input input, StepContext context, Optional<Champion> pointer, RunOutcome outcome) {
    Optional<String> passed =
        switch (outcome) {
          case RunOutcome.LookedBack lookedBack -> Optional.of(lookedBack.version().modelId());
          case RunOutcome.ChallengerPromoted promoted ->
              Optional.of(promoted.challenger().modelId());
          case RunOutcome.Finetuned finetuned -> Optional.of(finetuned.candidate().modelId());
          case RunOutcome.Asked asked -> Optional.of(asked.candidate().modelId());
          case RunOutcome.Healthy _, RunOutcome.Undecided _, RunOutcome.Exhausted _ ->
              Optional.empty();
        };
    if (passed.isEmpty()) {
      return Optional.empty();
    }
    boolean isAsked = outcome instanceof RunOutcome.Asked;
    String standing = isAsked ? "needs a person's approval" : "passed";
    if (!input.allowBackfillPromotion
        && DayOutcome.hasLaterDay(context.store(), input.model, input.logicalDate)) {
      return Optional.of(
          "%s %s for %s, but a later day has been evaluated since. To %s, allow back-fill promotion."
              .formatted(
                  passed.get(),
                  standing,
                  input.logicalDate,
                  isAsked ? "ask for it" : "put it into production"));
    }
    String judgedAgainst = outcome.champion().modelId();
    Optional<String> overtaken =
        pointer
            .filter(champion -> isAsked && !champion.modelId().equals(judgedAgainst))
            .map(
                champion ->
                    "It was judged against %s, but %s meanwhile; evaluate again."
                        .formatted(judgedAgainst, champion.move()));
    return overtaken
        .or(() -> pointer.flatMap(champion -> champion.bar(passed.get())).map(Bar::sentence))
        .map(
            obstacle ->
                "%s %s for %s. %s".formatted(passed.get(), standing, input.logicalDate, obstacle));
  }

  private static Conclusion heldBack(RunOutcome outcome, String obstacle) {
    return new Conclusion(
        Status.HELD_BACK,
        outcome.champion(),
        switch (outcome) {
          case RunOutcome.Finetuned finetuned -> finetuned.failed();
          case RunOutcome.ChallengerPromoted promoted -> promoted.failed();
          case RunOutcome.Asked asked -> asked.others();
          default -> List.of();
        },
        RetrainingInfo.without(outcome.champion(), 0),
        obstacle);
  }

  private static String note(Judgement judgement) {
    Verdict verdict = judgement.verdict();
    return String.format(
        Locale.ROOT,
        "%s Score: %.4f, Threshold: %s, Retry: %d",
        verdict.metric().title(),
        verdict.value(),
        verdict.threshold(),
        judgement.attempt());
  }

  /**
   * Before the version is approved, so that a run that stops knows which, and before the outcome,
   * which the deployment pipeline reads.
   */
  private static void recordEvent(
      StepContext context, ProcessedBatch batch, DayOutcome outcome, Judgement production) {
    int earlier = DayOutcome.revisions(context.store(), outcome.model(), outcome.date()).size();
    Document event =
        new Document("event_type", "evaluation_complete")
            .append("model_id", outcome.modelId())
            .append("model_version", outcome.modelVersion())
            .append("status", outcome.status().id())
            .append("metrics", production.metricsDocument())
            .append("metric", production.verdict().metric().id())
            .append("value", production.value())
            .append("threshold", production.verdict().threshold())
            .append("retraining_info", outcome.retrainingInfo().toDocument())
            .append("retry_count", outcome.retrainingInfo().retryCount())
            .append("message", outcome.message())
            .append("reason", production.verdict().reason())
            .append("verdict_id", production.id(context, batch))
            .append("logical_date", outcome.date().toString())
            .append("revision", earlier + 1)
            .append("data_path", batch.batchId());
    DayLabels.find(context.store(), batch)
        .ifPresent(labels -> event.append("labels", labels.toDocument()));
    event.putAll(Provenance.of(context));
    context.store().events().record(EVENTS, eventId(context, batch, outcome), event);
  }
}
