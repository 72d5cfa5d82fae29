package retune.model.importing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import retune.core.InvalidInputException;
import retune.core.preprocessing.CodeColumn;
import retune.core.preprocessing.MissingValues;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.core.preprocessing.Scaling;
import retune.model.Architecture;
import retune.model.Architecture.Trees.Input;
import retune.model.BoundedFile;
import retune.model.importing.ImportSpec.InputColumn;
import retune.model.trees.Forest;
import retune.model.trees.TreesFile;

/**
 * Boosted trees imported from a file of XGBoost or LightGBM and a spec. The trees see a value that
 * is missing, or a category that is none of the column's codes, as missing.
 */
public final class TreesImport {
  private TreesImport() {}

  /**
   * Reads the trees.
   *
   * @throws InvalidInputException if the file holds none that can be used, or if the spec's columns
   *     or classes are not those of the trees
   */
  public static ModelImport read(Path file, ImportSpec spec) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new InvalidInputException("There is no file " + file + "; give a file of trees.");
    }
    TreesFile trees = TreesFile.read(BoundedFile.read(file, BoundedFile.MAX_JSON), file.toString());
    Forest forest = trees.forest();
    requireColumns(trees, spec, file);
    int classes = spec.target().classes().size();
    if (forest.outputs() != (classes == 2 ? 1 : classes)) {
      throw new InvalidInputException(
          "%s answers %d classes, but the target of the spec has %d; list the classes in the order of the trees."
              .formatted(file, Math.max(2, forest.outputs()), classes));
    }
    List<String> names = spec.columns().stream().map(InputColumn::name).toList();
    return new ModelImport(
        new Architecture.Trees(
            spec.columns().stream().map(TreesImport::input).toList(),
            forest.outputs(),
            IdentityHead.hidden(forest.outputs()),
            0),
        preprocessing(spec),
        IdentityHead.on(forest, names, spec.target()),
        new TreeMap<>());
  }

  private static void requireColumns(TreesFile trees, ImportSpec spec, Path file) {
    List<String> columns = spec.columns().stream().map(InputColumn::name).toList();
    if (columns.size() != trees.forest().inputs()) {
      throw new InvalidInputException(
          "The spec has %d columns, but the trees of %s have %d inputs; list the columns that they were trained on, in their order."
              .formatted(columns.size(), file, trees.forest().inputs()));
    }
    if (!trees.features().isEmpty() && !columns.equals(trees.features())) {
      throw new InvalidInputException(
          "The spec has the columns %s, the trees of %s have the inputs %s; give the columns those names, in that order."
              .formatted(columns, file, trees.features()));
    }
  }

  private static Input input(InputColumn column) {
    return column.isCategorical()
        ? new Input(column.name(), null, cardinality(column))
        : new Input(column.name(), Preprocessing.missingFeature(column.name()), null);
  }

  private static Preprocessing preprocessing(ImportSpec spec) {
    List<CodeColumn> codes = new ArrayList<>();
    for (InputColumn column : spec.categorical()) {
      int unknown = cardinality(column);
      codes.add(new CodeColumn(column.name(), unknown + 1, unknown));
    }
    return Preprocessing.given(
        codes,
        spec.numeric().stream()
            .map(
                column ->
                    new NumericColumn(
                        column.name(), Scaling.NONE, 0, MissingValues.INDICATE, "taken as it is"))
            .toList());
  }

  private static int cardinality(InputColumn column) {
    if (column.cardinality() == null || column.cardinality() < 1) {
      throw new InvalidInputException(
          "The spec's column '%s' lacks its 'cardinality', which trees do not show; add how many codes it has."
              .formatted(column.name()));
    }
    if (column.unknown() != null) {
      throw new InvalidInputException(
          "The spec's column '%s' has a code for the unknown; leave it out, because trees take an unknown value for a missing one."
              .formatted(column.name()));
    }
    return column.cardinality();
  }
}
