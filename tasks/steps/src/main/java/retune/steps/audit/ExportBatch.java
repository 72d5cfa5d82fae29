package retune.steps.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.csv.CSVFormat;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Table;
import retune.core.data.Target;
import retune.model.AtomicFile;
import retune.model.batch.Batch;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;
import retune.runtime.store.RawBatches.RawBatch;

@About(
    value =
        "Writes a batch as a CSV file: its rows as they arrived, labels included, or as the model"
            + " sees them. A processed row has its position in the batch, its hash and the index of"
            + " its class.",
    pipeline = Pipeline.AUDIT,
    example = "credit-default/2026-11-05 --output day.csv")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class ExportBatch implements Step<ExportBatch.Input, ExportBatch.Output> {
  /** Which form of the rows. */
  public enum Form {
    RAW,
    PROCESSED
  }

  public record Input(
      @Field(value = "the batch, as model/date", positional = true) String dataPath,
      @Field("the CSV file to write; replaced at once when all rows are written") String output,
      @Field(value = "rows as they arrived, or as the model sees them", byDefault = "raw")
          Form form) {}

  public record Output(
      @Field("the batch, as model/date") String dataPath,
      @Field("the file written") String output,
      @Field("rows written") int rows,
      @Field("columns written") int columns,
      @Field("hash of the batch's content in this form, as verdicts and markers have it")
          String contentHash) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Path file = AtomicFile.inFolder(input.output());
    return switch (input.form()) {
      case RAW -> raw(input, context, file);
      case PROCESSED -> processed(input, context, file);
    };
  }

  private static Output raw(Input input, StepContext context, Path file) throws IOException {
    RawBatch batch =
        context
            .store()
            .rawBatches()
            .find(input.dataPath())
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "There is no raw batch '%s'; give model/date of a day that was generated or ingested."
                            .formatted(input.dataPath())));
    Iterator<Table> tables = context.store().rawBatches().read(batch);
    List<String> columns = new ArrayList<>();
    AtomicFile.write(
        file,
        stream -> {
          int written = 0;
          while (tables.hasNext()) {
            Table table = tables.next();
            if (columns.isEmpty()) {
              columns.addAll(table.names());
              writeLine(stream, columns.stream());
            }
            for (int row = 0; row < table.rows(); row++) {
              int current = row;
              writeLine(stream, table.columns().stream().map(column -> column.text(current)));
            }
            written += table.rows();
            context.progress("rows written", written, batch.rows());
          }
        });
    return new Output(
        batch.batchId(), file.toString(), batch.rows(), columns.size(), batch.contentHash());
  }

  private static Output processed(Input input, StepContext context, Path file) throws IOException {
    ProcessedBatch batch = Batch.describe(context, input.dataPath());
    Iterator<Rows> chunks = context.store().processedBatches().read(batch);
    List<String> columns = columns(batch.schema());
    AtomicFile.write(
        file,
        stream -> {
          writeLine(stream, columns.stream());
          int written = 0;
          while (chunks.hasNext()) {
            Rows rows = chunks.next();
            for (int row = 0; row < rows.labels().length; row++) {
              writeLine(stream, cells(rows, row, written + row));
            }
            written += rows.labels().length;
            context.progress("rows written", written, batch.rows());
          }
        });
    return new Output(
        batch.batchId(), file.toString(), batch.rows(), columns.size(), batch.contentHash());
  }

  /** Features that are called as one of the other columns get an underscore. */
  private static List<String> columns(FeatureSchema schema) {
    List<String> others = List.of("row", "row_hash", "label");
    Stream<String> features =
        Stream.concat(
            schema.categorical().stream().map(FeatureSchema.Categorical::name),
            schema.numeric().stream());
    return Stream.concat(
            others.stream(), features.map(name -> others.contains(name) ? name + "_" : name))
        .toList();
  }

  private static Stream<@Nullable Object> cells(Rows rows, int row, int position) {
    int label = rows.labels()[row];
    List<@Nullable Object> cells = new ArrayList<>();
    cells.add(position);
    cells.add(rows.rowHashes()[row]);
    cells.add(label == Target.UNLABELLED ? null : label);
    for (int[] codes : rows.features().codes()) {
      cells.add(codes[row]);
    }
    for (float[] numbers : rows.features().numbers()) {
      cells.add(numbers[row]);
    }
    return cells.stream();
  }

  private static void writeLine(OutputStream stream, Stream<? extends @Nullable Object> cells)
      throws IOException {
    stream.write((CSVFormat.RFC4180.format(cells.toArray()) + "\n").getBytes(UTF_8));
  }
}
