package retune.core.split;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class ModelLabelsTest {
  private static final byte EXCLUDED = Part.EXCLUDED.code();
  private static final byte TRAINING = Part.TRAINING.code();
  private static final byte HOLDOUT = Part.HOLDOUT.code();

  /** People labelled the first two rows, a model the next three, nobody the last. */
  private static final int[] OF_PEOPLE = {0, 1, -1, -1, -1, -1};

  private static final ModelLabels OF_MODEL =
      new ModelLabels(new int[] {-1, -1, 1, 0, 1, -1}, new float[] {0, 0, 0.9f, 0.5f, 0.4f, 0});

  private static final Split SPLIT =
      new Split(new byte[] {TRAINING, HOLDOUT, EXCLUDED, EXCLUDED, EXCLUDED, EXCLUDED});

  @Test
  void confidentRowsTrainAndNoOthersDo() {
    Split split = OF_MODEL.addTo(SPLIT, new long[] {1, 2, 3, 4, 5, 6}, 0.5);
    assertArrayEquals(
        new byte[] {TRAINING, HOLDOUT, TRAINING, TRAINING, EXCLUDED, EXCLUDED}, split.assignment());
    assertEquals(List.of(4), OF_MODEL.below(0.5));
    assertEquals(List.of(), OF_MODEL.below(0));
  }

  @Test
  void aRowThatAPersonLabelledElsewhereStaysOut() {
    Split split = OF_MODEL.addTo(SPLIT, new long[] {1, 2, 2, 1, 5, 6}, 0.5);
    assertArrayEquals(SPLIT.assignment(), split.assignment());
    split.verify(new long[] {1, 2, 2, 1, 5, 6});
  }

  @Test
  void aPersonsLabelGoesFirst() {
    assertArrayEquals(new int[] {0, 1, 1, 0, 1, -1}, OF_MODEL.besides(OF_PEOPLE));
    ModelLabels both = new ModelLabels(new int[] {1}, new float[] {1});
    assertArrayEquals(new int[] {0}, both.besides(new int[] {0}));
  }

  @Test
  void rowsAreSelectedAndPutTogether() {
    ModelLabels selected = OF_MODEL.select(new int[] {4, 2});
    assertArrayEquals(new int[] {1, 1}, selected.labels());
    assertArrayEquals(new float[] {0.4f, 0.9f}, selected.confidences());
    ModelLabels whole = ModelLabels.none(4);
    whole.put(1, OF_MODEL, 2, 2);
    assertArrayEquals(new int[] {-1, 1, 0, -1}, whole.labels());
    assertArrayEquals(new float[] {0, 0.9f, 0.5f, 0}, whole.confidences());
  }
}
