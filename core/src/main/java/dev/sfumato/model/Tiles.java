package dev.sfumato.model;

import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Applies a network to overlapping tiles of a picture. A quarter of each tile overlaps the next one
 * and is blended linearly, first with the tile above, then with the one to the left, as diffusers
 * does it.
 *
 * @param in height and width of a tile
 * @param out height and width of the network's output for a tile
 */
record Tiles(int in, int out) {
  private static final double OVERLAP = 0.25;

  /** Maps (1, C, H, W) to (1, C', H out / in, W out / in). */
  Tensor apply(Tensor x, UnaryOperator<Tensor> network) {
    if (x.size(2) <= in && x.size(3) <= in) {
      return network.apply(x);
    }
    int stride = Math.max(1, (int) (in * (1 - OVERLAP)));
    int blended = (int) (out * OVERLAP);
    List<Tensor> rows = new ArrayList<>();
    List<Tensor> above = List.of();
    for (long top = 0; top < x.size(2); top += stride) {
      List<Tensor> row = new ArrayList<>();
      for (long left = 0; left < x.size(3); left += stride) {
        Tensor part = part(part(x, 2, top), 3, left);
        Tensor tile = Scope.run(() -> network.apply(part));
        if (!above.isEmpty()) {
          tile = blend(above.get(row.size()), tile, 2, blended);
        }
        if (!row.isEmpty()) {
          tile = blend(row.get(row.size() - 1), tile, 3, blended);
        }
        row.add(tile);
      }
      List<Tensor> kept = row.stream().map(tile -> cut(tile, out - blended)).toList();
      rows.add(Tensor.cat(kept, 3));
      above = row;
    }
    return Tensor.cat(rows, 2);
  }

  private Tensor part(Tensor x, int dim, long from) {
    return x.narrow(dim, from, Math.min(in, x.size(dim) - from));
  }

  private static Tensor cut(Tensor tile, long size) {
    return tile.narrow(2, 0, Math.min(size, tile.size(2)))
        .narrow(3, 0, Math.min(size, tile.size(3)));
  }

  /** Blends the first rows or columns of {@code tile} with the last ones of {@code before}. */
  private static Tensor blend(Tensor before, Tensor tile, int dim, int wanted) {
    long width = Math.min(wanted, Math.min(before.size(dim), tile.size(dim)));
    if (width == 0) {
      return tile;
    }
    return Scope.run(
        () -> {
          float[] evenly = Tensor.linspace(0, 1 - 1.0 / width, width).toFloats();
          Tensor ramp = Constant.on(tile.device(), evenly, width);
          Tensor weight = dim == 3 ? ramp : ramp.reshape(-1, 1);
          Tensor last = before.narrow(dim, before.size(dim) - width, width);
          Tensor first = tile.narrow(dim, 0, width);
          Tensor mixed = last.mul(weight.neg().add(1)).add(first.mul(weight));
          Tensor rest = tile.narrow(dim, width, tile.size(dim) - width);
          return Tensor.cat(List.of(mixed, rest), dim);
        });
  }
}
