package retune.steps.deployment;

import com.google.auto.service.AutoService;
import retune.judgement.ApprovalAnswer.Kind;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Answers the question of a day that ended as asked: the version in production stays, and"
            + " the other is rejected. The answer is kept with who gave it and why.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "credit-default-0123456789ab --reason loss",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Reject implements Step<Approvals.Input, Approvals.Output> {
  @Override
  public Approvals.Output run(Approvals.Input input, StepContext context) {
    return Approvals.answer(input, context, Kind.REJECTED);
  }
}
