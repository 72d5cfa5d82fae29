package retune.testing;

import com.google.auto.service.AutoService;
import org.bson.Document;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

/** A step that works with the document store. */
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
@About(
    value = "Counts the documents of a collection.",
    pipeline = Pipeline.AUTHORING,
    example = "--collection raw_data")
public final class CountDocuments implements Step<CountDocuments.Input, CountDocuments.Output> {
  private static final System.Logger LOG = System.getLogger(CountDocuments.class.getName());

  public record Input(
      @Field(value = "collection to count", byDefault = "things") String collection,
      @Field(value = "whether to go on counting", byDefault = "false") boolean forever) {}

  public record Output(@Field("documents found") long documents) {}

  @Override
  public Output run(Input input, StepContext context) {
    var collection = context.store().collection(input.collection);
    collection.insertOne(new Document());
    LOG.log(System.Logger.Level.INFO, "counting");
    long documents;
    do {
      documents = collection.countDocuments();
    } while (input.forever);
    return new Output(documents);
  }
}
