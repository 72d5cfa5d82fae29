package retune.serving;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.model.CodeTrust;
import retune.model.VersionChoice;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.http.Endpoint;
import retune.runtime.http.RateLimit;
import retune.runtime.http.Tls;
import retune.runtime.http.Tokens;
import retune.serving.challenger.ServedChallenger;
import retune.serving.following.ChampionFollower;
import retune.serving.http.FeedbackRoute;
import retune.serving.http.PredictionServer;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.LogColumns;
import retune.serving.querylog.QueryLog;
import retune.serving.querylog.QueryLogWriter;

@About(
    value =
        "Serves predictions of a model's champion over HTTP. When the loop promotes another"
            + " version, the service switches to it without a failed request. Runs until it is"
            + " stopped.",
    pipeline = Pipeline.SERVING,
    work = Work.MODEL,
    example = "--model credit-default --port 8090")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Serving implements Step<Serving.Input, Serving.Output> {
  private static final Logger LOG = System.getLogger(Serving.class.getName());

  public record Input(
      @Field("name of a model; the service follows its champion") @Nullable String model,
      @Field("id of a registered version; the service serves only this one")
          @Nullable String version,
      @Field("folder or zip with model.json and weights.safetensors; needs no document store")
          @Nullable String modelFile,
      @Field(
              value =
                  "permit the code of a version that contains TorchScript; it runs with all rights"
                      + " of this process, so give this only for a source that you trust",
              byDefault = "false")
          boolean trustCode,
      @Field(
              value = "address to listen on; images set 0.0.0.0, all addresses of the container",
              byDefault = "127.0.0.1")
          String host,
      @Field(
              value = "port to listen on; 0 takes any free port",
              byDefault = "8090",
              min = 0,
              max = 65535)
          int port,
      @Field(
              value = "seconds between two look-ups of the champion in the store",
              byDefault = "2",
              min = 0.1,
              max = 3600)
          double refreshSeconds,
      @Field(
              value =
                  "seconds to keep answering after SIGTERM while /v2/health/ready returns 503, so"
                      + " that load balancers turn away",
              byDefault = "0",
              min = 0,
              max = 600)
          double drainSeconds,
      @Field(
              value =
                  "keep each predicted row, with its answer, in the document store; off, because it"
                      + " keeps what users send",
              byDefault = "false")
          boolean queryLog,
      @Field("columns that the query log keeps; all that the model reads by default")
          @Nullable List<String> queryLogColumns,
      @Field(
              "columns that the query log keeps as keyed hashes, which need"
                  + " RETUNE_QUERY_LOG_SECRET; none by default")
          @Nullable List<String> queryLogHash,
      @Field(
              value = "days after which the query log is removed",
              byDefault = "90",
              min = 1,
              max = 36500)
          int queryLogKeepDays,
      @Field(
              "file with a line 'NAME TOKEN' for each who may send feedback; read again when it"
                  + " changes; without it everybody may while the service listens on loopback, and"
                  + " nobody else")
          @Nullable String feedbackTokenFile,
      @Field(
              "PEM file with the certificate and its chain, for HTTPS; read again when it changes;"
                  + " needs --tls-key")
          @Nullable String tlsCert,
      @Field("PEM file with the certificate's private key, not encrypted; needs --tls-cert")
          @Nullable String tlsKey,
      @Field(
              "file with a line 'NAME TOKEN' for each who may ask for predictions; read again when"
                  + " it changes; without it everybody may who reaches the service")
          @Nullable String tokenFile) {}

  public record Output(
      @Field("id of the version served last; null if none was loaded") @Nullable String modelId,
      @Field("number of requests, failed ones included") long requests,
      @Field("number of rows predicted") long predictions,
      @Field("seconds that the service ran") double seconds) {}

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

  /** Runs until it is told to stop. */
  private static void answer(
      Input input, StepContext context, ServedModel served, ServingMetrics metrics)
      throws IOException, InterruptedException {
    VersionChoice choice = new VersionChoice(input.model(), input.version(), input.modelFile());
    CompletableFuture<Void> end = new CompletableFuture<>();
    FeedbackRoute.Senders senders =
        FeedbackRoute.Senders.of(
            input.queryLog(), input.host(), input.feedbackTokenFile(), context.clock());
    try (QueryLog queryLog = queryLog(input, context, served, metrics);
        ServedChallenger challenger = new ServedChallenger(metrics.challenger());
        PredictionServer server =
            PredictionServer.start(
                new Endpoint(
                    input.host(),
                    input.port(),
                    Tls.of(input.tlsCert(), input.tlsKey(), context.clock()),
                    input.tokenFile() == null
                        ? null
                        : new Tokens(Path.of(input.tokenFile()), context.clock()),
                    RateLimit.of(context.settings(), context.clock()),
                    context.settings().logsAccess(false)),
                served,
                metrics,
                queryLog,
                challenger,
                new FeedbackRoute(senders, context, served),
                context.clock())) {
      context.onStop(
          () -> {
            server.drain();
            end.complete(null);
          });
      LOG.log(
          Level.INFO,
          "Listening on {0}. The API is described at {0}/openapi.json.",
          server.address());
      if (input.model() == null) {
        metrics.storeUp(true);
        ChampionFollower.serve(
            choice.load(context, CodeTrust.of(input.trustCode())), served, metrics, context);
        end.join();
      } else {
        ChampionFollower follower =
            new ChampionFollower(input.model(), context, served, challenger, metrics);
        // On a thread of its own: an unreachable store must not delay the shutdown.
        try (var _ = follower.follow(milliseconds(input.refreshSeconds()), end)) {
          end.join();
        } catch (CompletionException e) {
          throw e.getCause() instanceof InvalidInputException invalid ? invalid : e;
        }
      }
      Thread.sleep(milliseconds(input.drainSeconds()));
    }
  }

  private static QueryLog queryLog(
      Input input, StepContext context, ServedModel served, ServingMetrics metrics) {
    // A list that is not given arrives as an empty one.
    List<String> kept = input.queryLogColumns() == null ? List.of() : input.queryLogColumns();
    List<String> hashed = input.queryLogHash() == null ? List.of() : input.queryLogHash();
    if (!input.queryLog()) {
      if (!kept.isEmpty() || !hashed.isEmpty()) {
        throw new InvalidInputException(
            "'query_log_columns' and 'query_log_hash' say what the query log keeps, but it is off;"
                + " turn it on with 'query_log'.");
      }
      return QueryLog.OFF;
    }
    LogColumns columns =
        new LogColumns(
            kept.isEmpty() ? null : kept,
            hashed,
            context.settings().secret(LogColumns.SECRET).orElse(null));
    return new QueryLogWriter(
            new QueryLogWriter.Options(columns, input.queryLogKeepDays()),
            context,
            served,
            metrics.queryLog())
        .start();
  }

  private static long milliseconds(double seconds) {
    return Math.round(1000 * seconds);
  }
}
