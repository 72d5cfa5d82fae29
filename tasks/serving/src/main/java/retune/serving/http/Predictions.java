package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;
import retune.core.data.Table;
import retune.model.ChallengerTraffic.Mode;
import retune.model.ModelVersion;
import retune.runtime.http.Answer;
import retune.runtime.http.RequestBodies;
import retune.serving.challenger.Scorer;
import retune.serving.challenger.ServedChallenger;
import retune.serving.challenger.Share;
import retune.serving.metrics.ChallengerMetrics.Role;
import retune.serving.metrics.ServingMetrics;
import retune.serving.prediction.LoadedVersion;
import retune.serving.prediction.Prediction;
import retune.serving.prediction.RequestId;
import retune.serving.prediction.ServedModel;
import retune.serving.querylog.AnsweredRequest;
import retune.serving.querylog.AnsweredRequest.ChallengerAnswer;
import retune.serving.querylog.QueryLog;

/** Reads request bodies, predicts with the loaded version and logs it, for every protocol. */
final class Predictions {
  /** Maximum size of a body: 1,000 rows of 200 columns with long names fit. */
  private static final int MOST_BYTES = 8 << 20;

  /**
   * A request for predictions.
   *
   * @param key names whoever is to see one version; null if the caller gives none
   * @param start of the request, as {@link System#nanoTime} has it
   */
  record Asked(
      HttpExchange exchange, String id, @Nullable String key, Instant receivedAt, long start) {
    long nanoseconds() {
      return System.nanoTime() - start;
    }
  }

  /**
   * What was answered.
   *
   * @param version the one that answered
   * @param predictions one for each row
   */
  record Answered(ModelVersion version, List<Prediction> predictions) {}

  /** Answers a body. */
  interface Question {
    Answer answer(LoadedVersion loaded, byte[] body, Asked asked);
  }

  private final ServedModel served;
  private final ServingMetrics metrics;
  private final QueryLog log;
  private final ServedChallenger challenger;
  private final AfterAnswers afterAnswers;
  private final Clock clock;
  private final RequestBodies bodies =
      new RequestBodies(
          Runtime.getRuntime().maxMemory(), MOST_BYTES, "split the rows over several requests");

  Predictions(
      ServedModel served,
      ServingMetrics metrics,
      QueryLog log,
      ServedChallenger challenger,
      AfterAnswers afterAnswers,
      Clock clock) {
    this.served = served;
    this.metrics = metrics;
    this.log = log;
    this.challenger = challenger;
    this.afterAnswers = afterAnswers;
    this.clock = clock;
  }

  /**
   * Answers a body with the version that is loaded now, which stays open until the answer. The
   * response has the request's id, also where it is a refusal.
   */
  Answer answer(HttpExchange exchange, Question question) throws IOException {
    String id = RequestId.of(exchange.getRequestHeaders().getFirst(RequestId.HEADER));
    exchange.getResponseHeaders().set(RequestId.HEADER, id);
    Asked asked =
        new Asked(
            exchange,
            id,
            exchange.getRequestHeaders().getFirst(Share.HEADER),
            clock.instant().truncatedTo(ChronoUnit.MILLIS),
            System.nanoTime());
    return bodies.read(
        exchange, body -> served.use(loaded -> question.answer(loaded, body, asked)));
  }

  /**
   * Predicts, counts and logs all rows, or none. A canary answers its share of the requests; where
   * it has no answer, the champion has.
   *
   * @param anyVersion false where the caller asks for the champion by its version
   */
  Answered predict(Asked asked, LoadedVersion loaded, Table rows, boolean anyVersion) {
    ServedChallenger.Active active = challenger.active().orElse(null);
    if (active == null) {
      return answered(asked, loaded, rows, (request, _) -> log.add(request));
    }
    if (!anyVersion || !active.has(asked.key, rows)) {
      return answered(
          asked,
          loaded,
          rows,
          (request, nanos) -> scoreLater(active, asked.exchange, request, nanos));
    }
    LoadedVersion.Answers answers;
    try {
      answers = active.answer(rows);
    } catch (Scorer.Failure failure) {
      // Counted below: a row that the champion cannot read either is no fault of the challenger.
      Answered answered = answered(asked, loaded, rows, (request, _) -> log.add(request));
      active.failed(failure);
      return answered;
    }
    metrics.predicted(answers);
    log.add(
        request(asked, active.version(), rows, answers)
            .with(answer(active, answers.predictions())));
    return new Answered(active.version(), answers.predictions());
  }

  /**
   * The champion's answer.
   *
   * @param then gets the request, and how many nanoseconds the champion took for its rows
   */
  private Answered answered(
      Asked asked, LoadedVersion loaded, Table rows, ObjLongConsumer<AnsweredRequest> then) {
    long start = System.nanoTime();
    LoadedVersion.Answers answers = loaded.answer(rows);
    long nanos = System.nanoTime() - start;
    metrics.predicted(answers);
    metrics.challenger().answered(Role.CHAMPION);
    then.accept(request(asked, loaded.version(), rows, answers), nanos);
    return new Answered(loaded.version(), answers.predictions());
  }

  /** Lets the challenger score a request once its answer is sent, and logs it after that. */
  private void scoreLater(
      ServedChallenger.Active active,
      HttpExchange exchange,
      AnsweredRequest request,
      long championNanos) {
    afterAnswers.put(
        exchange,
        () ->
            active.score(
                request,
                championNanos,
                predictions ->
                    log.add(
                        predictions == null
                            ? request
                            : request.with(
                                new ChallengerAnswer(
                                    active.version().modelId(), Mode.SHADOW.id(), predictions)))));
  }

  private static ChallengerAnswer answer(
      ServedChallenger.Active active, List<Prediction> predictions) {
    return new ChallengerAnswer(active.version().modelId(), Mode.CANARY.id(), predictions);
  }

  private static AnsweredRequest request(
      Asked asked, ModelVersion version, Table rows, LoadedVersion.Answers answers) {
    return new AnsweredRequest(
        asked.id,
        asked.receivedAt,
        version,
        rows,
        answers.predictions(),
        asked.nanoseconds() / 1_000,
        null);
  }
}
