package retune.steps.evaluation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.model.Champions;

class LoadLatestModelTest {
  private final Loop loop = new Loop();

  @AfterEach
  void close() {
    loop.close();
  }

  @Test
  void theChampionIsThePointersAndNotTheNewestVersion() {
    String champion = loop.register(Loop.GOOD, null, VersionStatus.APPROVED);
    new Champions(loop.store).install(Loop.MODEL, champion);
    loop.register(Loop.EXCELLENT, champion, VersionStatus.APPROVED);
    LoadLatestModel.Output output = load();
    assertEquals(champion, output.modelId());
    assertEquals("weights/" + loop.models.get(champion).weightsHash(), output.modelPath());
    assertEquals(loop.models.get(champion).modelVersion(), output.modelVersion());
    assertEquals(Loop.MODEL, output.modelName());
    assertEquals("approved", output.status());
  }

  @Test
  void withoutAChampionOneIsAskedFor() {
    loop.register(Loop.GOOD, null, VersionStatus.APPROVED);
    InvalidInputException refusal = assertThrows(InvalidInputException.class, this::load);
    assertTrue(String.valueOf(refusal.getMessage()).contains("register_model --champion"));
  }

  private LoadLatestModel.Output load() {
    return new LoadLatestModel().run(new LoadLatestModel.Input(Loop.MODEL), loop.context);
  }
}
