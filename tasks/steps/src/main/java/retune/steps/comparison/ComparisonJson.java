package retune.steps.comparison;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bson.Document;
import retune.core.judgement.Check;
import retune.core.judgement.ComparisonReport;
import retune.core.judgement.PromotionPolicy;
import retune.core.judgement.Slice;
import retune.core.statistics.Interval;
import retune.runtime.Json;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.node.ObjectNode;

/** The whole report as JSON: the step's result, and what it rests on. */
final class ComparisonJson {
  private static final TypeReference<Map<String, Object>> MAP = new TypeReference<>() {};

  private ComparisonJson() {}

  /** The report as indented text. */
  static String text(CompareModels.Output output, ComparisonReport report, List<Slice> slices) {
    return Json.MAPPER
            .writer()
            .with(SerializationFeature.INDENT_OUTPUT)
            .writeValueAsString(of(output, report, slices))
        + "\n";
  }

  /** The report as a document for the store. */
  static Document document(
      CompareModels.Output output, ComparisonReport report, List<Slice> slices) {
    return new Document(Json.MAPPER.convertValue(of(output, report, slices), MAP));
  }

  private static ObjectNode of(
      CompareModels.Output output, ComparisonReport report, List<Slice> slices) {
    ObjectNode json = Json.MAPPER.valueToTree(output);
    json.remove(List.of("output", "html"));
    ComparisonReport.Question question = report.question();
    PromotionPolicy policy = question.policy();
    if (policy != null) {
      json.put("policy", policy.text());
    }
    json.put("resamples", question.bootstrap().resamples());
    json.put("seed", question.bootstrap().seed());
    set(json, "checks", report.checks().stream().map(ComparisonJson::check).toList());
    set(
        json,
        "answers",
        Map.of(
            "lost", report.answers().lost(),
            "gained", report.answers().gained(),
            "p_value", report.answers().pValue()));
    report.areaTest().ifPresent(test -> set(json, "auc_test", test));
    set(
        json,
        "confusion_matrix",
        Map.of(
            "baseline", report.baseline().confusion().toLists(),
            "new", report.candidate().confusion().toLists()));
    set(json, "slices", slices.stream().map(ComparisonJson::slice).toList());
    return json;
  }

  private static void set(ObjectNode json, String name, Object value) {
    json.set(name, Json.MAPPER.valueToTree(value));
  }

  private static Map<String, Object> check(Check check) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", check.name());
    fields.put("answer", check.answer().id());
    fields.put("decisive", check.decisive());
    fields.put("value", check.value());
    fields.put("limit", check.limit());
    Interval interval = check.interval();
    if (interval != null) {
      put(fields, interval);
    }
    fields.put("rows", check.rows());
    fields.put("more_rows", check.moreRows());
    fields.put("sentence", check.sentence());
    return fields;
  }

  private static Map<String, Object> slice(Slice slice) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("column", slice.column());
    fields.put("values", slice.values());
    fields.put("rows", slice.rows());
    fields.put("baseline", slice.baseline());
    fields.put("new", slice.candidate());
    fields.put("improvement", slice.improvement());
    put(fields, slice.interval());
    return fields;
  }

  private static void put(Map<String, Object> fields, Interval interval) {
    fields.put("low", interval.low());
    fields.put("high", interval.high());
    fields.put("confidence", interval.confidence());
  }
}
