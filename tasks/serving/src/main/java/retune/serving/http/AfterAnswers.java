package retune.serving.http;

import com.sun.net.httpserver.HttpExchange;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Work on requests that waits until their answers are sent. */
final class AfterAnswers {
  private final Map<HttpExchange, Runnable> waiting = new ConcurrentHashMap<>();

  /** Keeps the work on a request; one at most. */
  void put(HttpExchange exchange, Runnable work) {
    waiting.put(exchange, work);
  }

  /** Does the work on a request whose answer is sent, or could not be. */
  void sent(HttpExchange exchange) {
    if (!waiting.isEmpty()) {
      Runnable work = waiting.remove(exchange);
      if (work != null) {
        work.run();
      }
    }
  }
}
