package retune.serving;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.model.VersionChoice;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Answers over HTTP with a model's champion, and follows it: a version that is promoted takes"
            + " over without a failed request. Goes on until it is stopped.",
    pipeline = Pipeline.SERVING,
    example = "--model credit-default --port 8090")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Serving implements Step<Serving.Input, Serving.Output> {
  private static final Logger LOG = System.getLogger(Serving.class.getName());

  public record Input(
      @Field("a model's name: its champion answers, whichever that is at the time")
          @Nullable String model,
      @Field("a registered version's id: it answers, and no other") @Nullable String version,
      @Field("folder or zip with model.json and weights.safetensors; needs no store")
          @Nullable String modelFile,
      @Field(
              value = "address to listen on; in an image 0.0.0.0, which is all of the container's",
              byDefault = "127.0.0.1")
          String host,
      @Field(
              value = "port to listen on, 0 for any free one",
              byDefault = "8090",
              min = 0,
              max = 65535)
          int port,
      @Field(
              value = "how often the store is asked for the champion, in seconds",
              byDefault = "2",
              min = 0.1,
              max = 3600)
          double refreshSeconds,
      @Field(
              value =
                  "how long after SIGTERM to go on answering, in seconds, while /v2/health/ready says"
                      + " no",
              byDefault = "0",
              min = 0,
              max = 600)
          double drainSeconds) {}

  public record Output(
      @Field("the version that answered last; null where none was loaded") @Nullable String modelId,
      @Field("requests ended, whichever way") long requests,
      @Field("rows answered") long predictions,
      @Field("how long it went on, in seconds") double seconds) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException, InterruptedException {
    long start = System.nanoTime();
    ServingMetrics metrics = new ServingMetrics();
    try (ServedModel served = new ServedModel()) {
      answer(input, context, served, metrics);
      return new Output(
          served.modelId().orElse(null),
          metrics.requests(),
          metrics.rows(),
          Duration.ofNanos(System.nanoTime() - start).toMillis() / 1000.0);
    }
  }

  /** Answers until it is told to stop. */
  private static void answer(
      Input input, StepContext context, ServedModel served, ServingMetrics metrics)
      throws IOException, InterruptedException {
    VersionChoice choice = new VersionChoice(input.model(), input.version(), input.modelFile());
    CompletableFuture<Void> end = new CompletableFuture<>();
    try (PredictionServer server =
        PredictionServer.start(input.host(), input.port(), served, metrics, context.clock())) {
      context.onStop(
          () -> {
            server.drain();
            end.complete(null);
          });
      LOG.log(Level.INFO, "Listening at {0}; see {0}/openapi.json.", server.address());
      if (input.model() == null) {
        metrics.storeUp(true);
        ChampionFollower.serve(choice.load(context), served, metrics, context);
        end.join();
      } else {
        ChampionFollower follower = new ChampionFollower(input.model(), context, served, metrics);
        // Beside this thread: a store that does not answer must not delay the end.
        try (var _ = follower.follow(milliseconds(input.refreshSeconds()), end)) {
          end.join();
        } catch (CompletionException e) {
          throw e.getCause() instanceof InvalidInputException invalid ? invalid : e;
        }
      }
      Thread.sleep(milliseconds(input.drainSeconds()));
    }
  }

  private static long milliseconds(double seconds) {
    return Math.round(1000 * seconds);
  }
}
