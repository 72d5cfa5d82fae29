package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import retune.core.judgement.VersionStatus;
import retune.runtime.Json;
import retune.steps.comparison.EvaluationReport;
import tools.jackson.databind.JsonNode;

/** What an evaluation keeps for people beside its verdict. */
class EvaluationReportTest {
  private final Loop loop = new Loop();

  @TempDir private Path folder;

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void aJudgedCandidateHasAReportInTheStoreAndInTheFolder() throws IOException {
    Path reports = folder.resolve("reports");
    loop.writeBatch(1_000);
    loop.context = loop.context.with(Map.of("RETUNE_REPORT_DIR", reports.toString()));
    String champion = loop.register(Loop.POOR, null, VersionStatus.DEPLOYED);
    String candidate = judgeCandidate(champion);

    Document verdict = verdict(candidate);
    Document kept = loop.document(EvaluationReport.COLLECTION, verdict.getString("_id"));
    assertEquals(candidate, kept.getString("model_id"));
    Document report = kept.get("report", Document.class);
    assertEquals(verdict.getString("reason"), report.getString("promotion_reason"));
    assertEquals("promote", report.getString("decision"));
    assertTrue(report.getBoolean("should_promote"));
    assertTrue(report.getBoolean("statistically_significant"));
    assertEquals("accuracy", report.getString("primary_metric"));
    assertEquals(
        verdict.getList("checks", Document.class).size(),
        report.getList("checks", Document.class).size());
    assertEquals(
        verdict.getDouble("value"),
        report.get("new_metrics", Document.class).getDouble("accuracy"),
        1e-12);

    Document slice = report.getList("slices", Document.class).getFirst();
    assertTrue(slice.getString("column").matches("n[0-3]"), slice.toJson());
    assertTrue(slice.getInteger("rows") >= 50, slice.toJson());
    assertTrue(kept.getString("html").contains("≤ "), "the page has no slices");

    Path page = reports.resolve(Loop.BATCH).resolve(candidate + ".html");
    assertEquals(kept.getString("html"), Files.readString(page));
    assertTrue(kept.getString("html").contains("aria-label=\"ROC curve\""));
    assertTrue(
        kept.getString("html").contains("Those of auc and log_loss are normal approximations."));
    JsonNode file =
        Json.MAPPER.readTree(Files.readString(page.resolveSibling(candidate + ".json")));
    assertEquals(champion, file.at("/baseline_id").stringValue());
    assertEquals(file, Json.MAPPER.readTree(report.toJson()));
  }

  @Test
  void aFolderThatCannotBeWrittenDoesNotStopTheDay() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "is no folder");
    loop.context = loop.context.with(Map.of("RETUNE_REPORT_DIR", file.toString()));
    String champion = loop.register(Loop.POOR, null, VersionStatus.DEPLOYED);
    String candidate = judgeCandidate(champion);
    assertEquals(
        candidate,
        loop.document(EvaluationReport.COLLECTION, verdict(candidate).getString("_id"))
            .getString("model_id"));
  }

  @Test
  void anEarlierVersionThatIsLookedAtHasAReport() {
    String champion = loop.register(Loop.POOR, null, VersionStatus.DEPLOYED);
    String earlier = loop.register(Loop.EXCELLENT, null, VersionStatus.RETIRED);
    loop.evaluate(champion);
    loop.check(champion);
    LookBack.Output found = loop.lookBack(champion);
    assertTrue(found.passed());
    assertEquals(verdict(earlier).getString("_id"), found.report());
    assertEquals(earlier, loop.single(EvaluationReport.COLLECTION).getString("model_id"));
    assertEquals(
        verdict(earlier).getString("_id"),
        loop.single(EvaluationReport.COLLECTION).getString("_id"));
  }

  @Test
  void aTaskThatJudgedNoVersionNamesNoReport() {
    String champion = loop.register(Loop.POOR, null, VersionStatus.DEPLOYED);
    loop.evaluate(champion);
    loop.check(champion);
    assertNull(loop.lookBack(champion).report());
  }

  private String judgeCandidate(String champion) {
    loop.evaluate(champion);
    loop.check(champion);
    loop.prepare(champion);
    String candidate = loop.register(Loop.GOOD, 1, champion, VersionStatus.CANDIDATE);
    EvaluateFinetunedModel.Output judged = loop.evaluateFinetuned(candidate, champion, 1);
    assertTrue(judged.passed());
    assertEquals(verdict(candidate).getString("_id"), judged.report());
    return candidate;
  }

  private Document verdict(String modelId) {
    return Objects.requireNonNull(
        loop.store.collection("verdicts").find(new Document("model_id", modelId)).first());
  }
}
