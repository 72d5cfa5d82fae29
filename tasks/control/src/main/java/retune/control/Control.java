package retune.control;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;

@About(
    value =
        "Tells over HTTP what the loop did and why, and steers it: retrain, deploy, roll back,"
            + " start and stop the schedule. Runs until it is stopped.",
    pipeline = Pipeline.SERVING,
    work = Work.METADATA,
    example = "--port 8091")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class Control implements Step<Control.Input, Control.Output> {
  private static final Logger LOG = System.getLogger(Control.class.getName());

  public record Input(
      @Field(
              value = "address to listen on; images set 0.0.0.0, all addresses of the container",
              byDefault = "127.0.0.1")
          String host,
      @Field(
              value = "port to listen on; 0 takes any free port",
              byDefault = "8091",
              min = 0,
              max = 65535)
          int port,
      @Field(
              value =
                  "what runs the loop: airflow (RETUNE_AIRFLOW_URL), process (./retune on this"
                      + " machine) or none, which only tells; airflow if RETUNE_AIRFLOW_URL is set,"
                      + " else none")
          @Nullable RuntimeKind runtime,
      @Field(
              "file with a line 'NAME TOKEN' for each who may steer; read again when it changes;"
                  + " without it every call that changes something is refused")
          @Nullable String tokenFile,
      @Field(
              value =
                  "who may read pages, answers and metrics: open (everybody who reaches the"
                      + " service) or token (people who are logged in, and programs with a token)",
              byDefault = "open")
          Reading reading,
      @Field(
              "PEM file with the certificate and its chain, for HTTPS; read again when it changes;"
                  + " needs --tls-key")
          @Nullable String tlsCert,
      @Field("PEM file with the certificate's private key, not encrypted; needs --tls-cert")
          @Nullable String tlsKey) {}

  /** Who may read. */
  public enum Reading {
    OPEN,
    TOKEN
  }

  /** What runs the loop. */
  public enum RuntimeKind {
    AIRFLOW,
    PROCESS,
    NONE
  }

  public record Output(
      @Field("number of requests, failed ones included") long requests,
      @Field("seconds that the service ran") double seconds) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    long start = System.nanoTime();
    CompletableFuture<Void> end = new CompletableFuture<>();
    context.onStop(() -> end.complete(null));
    try (ControlServer server = ControlServer.start(input, context)) {
      LOG.log(Level.INFO, "Listening on {0}.", server.address());
      end.join();
      return new Output(
          server.requests(), Duration.ofNanos(System.nanoTime() - start).toMillis() / 1000.0);
    }
  }
}
