package retune.steps.audit;

import com.google.auto.service.AutoService;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.judgement.AuditTrail;
import retune.model.Champions;
import retune.model.Champions.Bar;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Explains a version: what it was made from, what it was judged on and by which numbers, who"
            + " or what approved or refused it, and by which code. Reads the store alone.",
    pipeline = Pipeline.AUDIT,
    example = "credit-default-0123456789ab",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Explain implements Step<Explain.Input, Explain.Output> {
  public record Input(@Field(value = "the version's id", positional = true) String modelId) {}

  public record Output(
      @Field("the version") String modelId,
      @Field("the model's name") String model,
      @Field("time of its creation, YYYYMMDD_HHMMSS") String modelVersion,
      @Field("pretrained or finetuned") String kind,
      @Field("candidate, challenger, approved, rejected, deployed or retired") String status,
      @Field("whether it is in production") boolean inProduction,
      @Field("if it was rolled back and not released since: by whom, when and why")
          @Nullable String barred,
      @Field("whether its probabilities are calibrated, and how well; none for an encoder")
          @Nullable String calibration,
      @Field("SHA-256 of weights, encoder and preprocessing") Map<String, String> hashes,
      @Field(
              "the version and those that it was fine-tuned from, the nearest first: model_id,"
                  + " strategy, epochs, learning_rate, trained_on, replayed (batches of ordinary"
                  + " days), status")
          List<Map<String, Object>> lineage,
      @Field(
              "how the data that it was trained on was split: data_path, content_hash, counts and"
                  + " hashes of training, validation and hold-out rows")
          List<Map<String, Object>> splits,
      @Field("each move of its status, with reason, run, person and code")
          List<Map<String, Object>> statusHistory,
      @Field("each verdict on it, with its numbers and checks") List<Map<String, Object>> verdicts,
      @Field("outcomes of days that it was part of") List<Map<String, Object>> outcomes,
      @Field("questions to people about it, each with its answer if it has one")
          List<Map<String, Object>> questions,
      @Field("judgements on it by the retraining that made it")
          List<Map<String, Object>> retrainings,
      @Field("deployments of it, or of its successor") List<Map<String, Object>> deployments)
      implements Page {
    @Override
    public String text() {
      return ExplanationPage.of(this);
    }
  }

  @Override
  public Output run(Input input, StepContext context) {
    AuditTrail trail = new AuditTrail(context.store());
    Document document = trail.version(input.modelId());
    ModelStore models = new ModelStore(context);
    ModelVersion version = models.get(input.modelId());
    String model = version.modelName();
    String id = version.modelId();
    Optional<Champion> champion = new Champions(context.store()).find(model);
    return new Output(
        id,
        model,
        version.modelVersion(),
        document.getString("kind"),
        document.getString("status"),
        champion.filter(found -> found.modelId().equals(id)).isPresent(),
        champion.flatMap(found -> found.bar(id)).map(Bar::sentence).orElse(null),
        version.kind() == ModelVersion.Kind.PRETRAINED ? null : version.calibrationSentence(),
        Map.of(
            "weights", version.weightsHash(),
            "encoder", version.encoderHash(),
            "preprocessing", version.preprocessing().hash()),
        lineage(version, models),
        maps(trail.splits(version.lineage().trainedOn())),
        maps(AuditTrail.moves(document)),
        maps(trail.verdicts(model, id)),
        maps(with(id, trail.outcomes(model), "model_id", "champion_id")),
        maps(with(id, trail.questions(model), "model_id")),
        maps(with(id, trail.retrainings(model), "model_id")),
        maps(with(id, trail.deployments(model), "model_id", "previous_model_id")));
  }

  private static List<Map<String, Object>> lineage(ModelVersion version, ModelStore models) {
    List<Map<String, Object>> lineage = new ArrayList<>();
    Optional<ModelVersion> next = Optional.of(version);
    while (next.isPresent()) {
      ModelVersion found = next.get();
      ModelVersion.Lineage made = found.lineage();
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("model_id", found.modelId());
      entry.put("strategy", made.strategy());
      entry.put("epochs", made.epochs());
      entry.put("learning_rate", made.learningRate());
      entry.put("trained_on", made.trainedOn());
      if (made.replayed() != null) {
        entry.put("replayed", made.replayed());
      }
      entry.put("status", models.status(found.modelId()).id());
      lineage.add(entry);
      @Nullable String parent = made.finetunedFrom();
      next = parent == null ? Optional.empty() : models.find(parent);
    }
    return lineage;
  }

  private static List<Document> with(String modelId, List<Document> documents, String... fields) {
    return documents.stream()
        .filter(
            document ->
                List.of(fields).stream()
                    .anyMatch(field -> modelId.equals(document.getString(field))))
        .toList();
  }

  private static List<Map<String, Object>> maps(List<Document> documents) {
    return documents.stream().map(document -> (Map<String, Object>) document).toList();
  }
}
