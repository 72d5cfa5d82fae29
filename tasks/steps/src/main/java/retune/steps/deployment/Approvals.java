package retune.steps.deployment;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.judgement.ApprovalAnswer;
import retune.judgement.ApprovalAnswer.Kind;
import retune.judgement.ApprovalRequest;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.runtime.Field;
import retune.runtime.StepContext;

/**
 * Answers to the question whether a version may follow the champion. The answer is recorded first,
 * by one write of which only the first counts; a step that was killed after it does the rest when
 * it runs again.
 */
final class Approvals {
  private static final Logger LOGGER = System.getLogger(Approvals.class.getName());

  private Approvals() {}

  /** What is answered, by whom and why. */
  record Input(
      @Field(value = "the version; its last question is answered", positional = true)
          @Nullable String modelId,
      @Field("the question's id, if the version alone does not say which") @Nullable String request,
      @Field(value = "the reason, for the record", byDefault = "no reason given") String reason,
      @Field("who answers; by default whoever started the run (RETUNE_STARTED_BY)")
          @Nullable String by) {}

  /** What was answered, and what it led to. */
  record Output(
      @Field("the question") String requestId,
      @Field("the model's name") String model,
      @Field("the day that asked") LocalDate logicalDate,
      @Field("the version") String modelId,
      @Field("the version in production that it was judged against") String championId,
      @Field("approved or rejected") String answer,
      @Field("who answered") String by,
      @Field("whether anything was changed") boolean changed,
      @Field("what was done, as a sentence") String message,
      @Field("command that deploys the approved version without Airflow")
          @Nullable String nextCommand) {}

  /** Answers a question; an {@link InvalidInputException} where the answer comes too late. */
  static Output answer(Input input, StepContext context, Kind kind) {
    ApprovalRequest request = request(input, context);
    Champion champion = new Production(context, request.model()).champion();
    Optional<ApprovalAnswer> earlier = ApprovalAnswer.find(context.store(), request);
    if (earlier.isEmpty()) {
      refuse(request.closed(context, champion));
      refuse(request.expired(context.clock().instant()));
      if (kind == Kind.APPROVED) {
        Champions.requireNotBarred(champion, request.modelId());
      }
    }
    ApprovalAnswer answer =
        earlier.orElseGet(
            () ->
                ApprovalAnswer.give(
                    context,
                    request,
                    kind,
                    Production.by(input.by(), context),
                    Production.clause(input.reason())));
    if (answer.kind() != kind) {
      throw new InvalidInputException(
          "The question about %s is answered: %s The first answer, of %s, counts."
              .formatted(request.modelId(), answer.sentence(), answer.at()));
    }
    boolean changed = !answer.isSettled(context);
    if (changed) {
      refuse(request.closed(context, champion));
      answer.settle(context);
    }
    Output output = output(answer, changed);
    LOGGER.log(Level.INFO, output.message);
    return output;
  }

  private static ApprovalRequest request(Input input, StepContext context) {
    String id = input.request();
    if (id != null) {
      ApprovalRequest request = ApprovalRequest.get(context.store(), id);
      if (input.modelId() != null && !request.modelId().equals(input.modelId())) {
        throw new InvalidInputException(
            "The question '%s' is about %s, not about %s; leave one of them out."
                .formatted(id, request.modelId(), input.modelId()));
      }
      return request;
    }
    String modelId = input.modelId();
    if (modelId == null) {
      throw new InvalidInputException(
          "Give the version that is asked about, or the question's id with --request.");
    }
    String model = new ModelStore(context).get(modelId).modelName();
    return ApprovalRequest.ofVersion(context.store(), model, modelId)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "Nobody is asked about %s; './retune history %s' lists the questions, as evaluated_asked."
                        .formatted(modelId, model)));
  }

  private static Output output(ApprovalAnswer answer, boolean changed) {
    ApprovalRequest request = answer.request();
    return new Output(
        request.id(),
        request.model(),
        request.date(),
        request.modelId(),
        request.championId(),
        answer.kind().id(),
        answer.by(),
        changed,
        changed
            ? answer.sentence()
            : "%s was %s before, by %s at %s (%s); nothing changed."
                .formatted(
                    request.modelId(),
                    answer.kind().id(),
                    answer.by(),
                    answer.at(),
                    answer.reason()),
        switch (answer.kind()) {
          case APPROVED ->
              "./retune deploy_model --model %s --model-id %s --logical-date %s"
                  .formatted(request.model(), request.modelId(), request.date());
          case REJECTED -> null;
        });
  }

  private static void refuse(Optional<String> obstacle) {
    obstacle.ifPresent(
        sentence -> {
          throw new InvalidInputException(sentence);
        });
  }
}
