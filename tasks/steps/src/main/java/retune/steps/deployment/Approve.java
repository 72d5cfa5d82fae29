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
        "Answers the question of a day that ended as asked: the version may follow the one in"
            + " production, and is deployed like any other that was approved. The answer is kept"
            + " with who gave it and why.",
    pipeline = Pipeline.DEPLOYMENT,
    example = "credit-default-0123456789ab --reason gain",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Approve implements Step<Approvals.Input, Approvals.Output> {
  @Override
  public Approvals.Output run(Approvals.Input input, StepContext context) {
    return Approvals.answer(input, context, Kind.APPROVED);
  }
}
