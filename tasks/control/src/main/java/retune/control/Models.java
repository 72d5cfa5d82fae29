package retune.control;

import com.mongodb.client.model.Sorts;
import com.sun.net.httpserver.HttpExchange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import retune.model.ModelStore;
import retune.runtime.StepContext;
import retune.runtime.http.Query;
import retune.runtime.http.Refusal;
import tools.jackson.databind.JsonNode;

/** The models that have a version in production. */
final class Models {
  private final StepContext context;

  Models(StepContext context) {
    this.context = context;
  }

  /** Their names, sorted. */
  List<String> names() {
    return context
        .store()
        .collection("champions")
        .find()
        .sort(Sorts.ascending("_id"))
        .map(champion -> champion.getString("_id"))
        .into(new ArrayList<>());
  }

  /** The model that the query's parameter {@code model} names. */
  String of(HttpExchange exchange) {
    return chosen(Query.of(exchange).find("model"));
  }

  /** The name that a body gives; empty if it gives none. */
  Optional<String> named(JsonNode name) {
    if (name.isMissingNode() || name.isNull()) {
      return Optional.empty();
    }
    if (!name.isString()) {
      throw new Refusal(400, "'model' must be a model's name, not %s.".formatted(name));
    }
    return Optional.of(name.stringValue());
  }

  /**
   * The named model; the only one if none is named.
   *
   * @throws Refusal 400 if there are several and none is named, 404 if there is none of that name
   */
  String chosen(Optional<String> named) {
    List<String> names = names();
    if (names.isEmpty()) {
      throw new Refusal(
          404,
          "No model has a version in production; register one with register_model --champion.");
    }
    if (named.isEmpty() && names.size() > 1) {
      throw new Refusal(
          400,
          "There are several models; choose one with ?model=NAME. The models are %s."
              .formatted(String.join(", ", names)));
    }
    String name = named.orElse(names.getFirst());
    if (!names.contains(name)) {
      throw new Refusal(
          404,
          "There is no model '%s' in production; the models are %s."
              .formatted(name, String.join(", ", names)));
    }
    return name;
  }

  /**
   * Refuses a version that is not of this model.
   *
   * @throws Refusal 404
   */
  static void requireVersion(StepContext context, String model, String version) {
    boolean isOfModel =
        new ModelStore(context)
            .find(version)
            .filter(found -> found.modelName().equals(model))
            .isPresent();
    if (!isOfModel) {
      throw new Refusal(
          404,
          "The model '%s' has no version '%s'; see /retrain/versions.".formatted(model, version));
    }
  }
}
