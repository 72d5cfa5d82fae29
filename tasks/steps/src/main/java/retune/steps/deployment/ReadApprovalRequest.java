package retune.steps.deployment;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.judgement.ApprovalAnswer;
import retune.judgement.ApprovalRequest;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.comparison.EvaluationReport;

@About(
    value =
        "Reads the question of a day that ended as asked, and says whether it can still be"
            + " answered.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "credit-default/2026-11-05/0123456789ab",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ReadApprovalRequest
    implements Step<ReadApprovalRequest.Input, ReadApprovalRequest.Output> {
  private static final Logger LOGGER = System.getLogger(ReadApprovalRequest.class.getName());

  public record Input(
      @Field(value = "the question's id, as model/date/hash", positional = true) String request) {}

  public record Output(
      @Field("the question") String requestId,
      @Field("the model's name") String model,
      @Field("the day that asked") LocalDate logicalDate,
      @Field("the version that is asked about") String modelId,
      @Field("the version in production that it was judged against") String championId,
      @Field("whether it can still be answered") boolean open,
      @Field("the question if it can be answered, else the reason why not") String message,
      @Field("when it expires, ISO-8601 UTC") String expiresAt,
      @Field("id of the comparison that the verdict rests on, if there is one")
          @Nullable String reportId) {}

  @Override
  public Output run(Input input, StepContext context) {
    ApprovalRequest request = ApprovalRequest.get(context.store(), input.request());
    Champion champion = new Production(context, request.model()).champion();
    Optional<String> obstacle =
        ApprovalAnswer.find(context.store(), request)
            .map(answer -> "It is answered: " + answer.sentence())
            .or(() -> request.closed(context, champion))
            .or(() -> request.expired(context.clock().instant()))
            .or(() -> champion.bar(request.modelId()).map(Bar::sentence));
    String message = obstacle.orElseGet(request::question);
    LOGGER.log(Level.INFO, message);
    return new Output(
        request.id(),
        request.model(),
        request.date(),
        request.modelId(),
        request.championId(),
        obstacle.isEmpty(),
        message,
        request.expiresAt().toString(),
        EvaluationReport.idOf(context, request.verdictId()));
  }
}
