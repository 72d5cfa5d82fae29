package retune.control;

import retune.core.InvalidInputException;
import retune.runtime.NotReadyException;
import retune.runtime.http.Refusal;
import retune.runtime.http.Route;
import retune.runtime.store.DocumentStore;

/** Turns what a store or a step refuses into a status and a sentence. */
final class StoreFailures {
  private StoreFailures() {}

  /** The same route, which answers 503 where the store is down, and 422 where input is wrong. */
  static Route explained(Route route) {
    return new Route(
        route.method(),
        route.path(),
        route.label(),
        (exchange, parameters) -> {
          try {
            return route.handler().answer(exchange, parameters);
          } catch (RuntimeException e) {
            throw explain(e);
          }
        });
  }

  /** The refusal that a failure of the store or of input comes to; throws any other failure. */
  static Refusal refusal(RuntimeException failure) {
    if (explain(failure) instanceof Refusal refusal) {
      return refusal;
    }
    throw failure;
  }

  private static RuntimeException explain(RuntimeException failure) {
    return switch (DocumentStore.explain(failure)) {
      case Refusal refusal -> refusal;
      case NotReadyException down -> new Refusal(503, String.valueOf(down.getMessage()));
      case InvalidInputException wrong -> new Refusal(422, String.valueOf(wrong.getMessage()));
      case RuntimeException other -> other;
    };
  }
}
