package retune.images;

import java.util.List;
import java.util.Map;

/** Images that share all layers and differ only in their entry point. */
enum Family {
  /** Steps without native libraries. */
  LIGHT,
  /** Steps with PyTorch and XGBoost. */
  LEARNING,
  /** The embedded document store. */
  STORE,
  /** The sidecar through which KubernetesPodOperator reads a step's result: only a shell. */
  SIDECAR;

  /** Whether it needs a system with a C library and Java. */
  boolean isJava() {
    return this != SIDECAR;
  }

  /** Folders of the stage above system and Java, lowest first. */
  List<String> folders() {
    return switch (this) {
      case LIGHT -> List.of("light");
      case LEARNING -> List.of("torch", "learning");
      case STORE -> List.of("store");
      case SIDECAR -> List.of("sidecar");
    };
  }

  /** The folder with the family's class path and bill of materials. */
  String folder() {
    return folders().getLast();
  }

  Map<String, String> environment() {
    return switch (this) {
      case LIGHT, STORE -> Map.of();
      case LEARNING ->
          Map.of(
              "PYTORCH_LIBRARY_PATH",
              "/opt/torch",
              "XGBOOST_LIBRARY_PATH",
              "/opt/torch",
              // DJL loads all other files of that folder, each alone.
              "PYTORCH_LIBRARY_EXCLUSION",
              "libxgboost4j.so",
              "PYTORCH_FLAVOR",
              "cpu",
              // Idle threads of PyTorch sleep; spinning ones would take the CPU from others.
              "OMP_WAIT_POLICY",
              "PASSIVE");
      case SIDECAR -> Map.of("PATH", "/bin");
    };
  }
}
