package retune.learning.training;

import java.util.List;
import retune.model.Architecture;

/** Architectures of the sizes that suit tables of some dozens of columns. */
public enum ArchitectureChoice {
  TAB_TRANSFORMER,
  MLP;

  public Architecture architecture() {
    return switch (this) {
      case TAB_TRANSFORMER -> Architecture.TabTransformer.DEFAULT;
      case MLP -> new Architecture.Mlp(8, List.of(128, 64), 128, 0.3);
    };
  }
}
