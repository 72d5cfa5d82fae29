package retune.steps.retraining;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.bson.Document;
import org.bson.json.JsonMode;
import org.bson.json.JsonWriterSettings;
import retune.model.AtomicFile;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value = "Writes a model's retraining events to a file, one JSON object a line, oldest first.",
    pipeline = Pipeline.AUDIT,
    work = Work.METADATA,
    example = "--model credit-default --output retraining_events.jsonl")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ExportEvents implements Step<ExportEvents.Input, ExportEvents.Output> {
  public record Input(
      @Field("the model's name") String model,
      @Field(value = "the file to write", byDefault = "retraining_events.jsonl") String output) {}

  public record Output(
      @Field("the file written") String output, @Field("number of events") int events) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    List<Document> events = RetrainingEvents.of(context.store(), input.model());
    JsonWriterSettings relaxed = JsonWriterSettings.builder().outputMode(JsonMode.RELAXED).build();
    String lines =
        events.stream().map(event -> event.toJson(relaxed) + "\n").collect(Collectors.joining());
    Path file = AtomicFile.inFolder(input.output());
    AtomicFile.write(file, lines.getBytes(UTF_8));
    return new Output(file.toString(), events.size());
  }
}
