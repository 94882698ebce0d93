{
  const table = document.querySelector("table.listing");
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column];
    const number = cell.dataset.value;
    return number === undefined ? cell.textContent.toLowerCase() : Number(number);
  };
  const group = row => row.classList.contains("up") ? 0 : row.classList.contains("d") ? 1 : 2;
  const sort = (column, down) => {
    const sign = down ? -1 : 1;
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const apart = group(a) - group(b);
      if (apart) return apart;
      const [x, y] = [key(a, column), key(b, column)];
      return x < y ? -sign : x > y ? sign : 0;
    });
    table.tBodies[0].append(...rows);
    heads.forEach((head, i) => {
      head.ariaSort = i === column ? (down ? "descending" : "ascending") : "none";
    });
  };
  heads.forEach((head, i) => {
    head.onclick = () => sort(i, head.ariaSort === "ascending");
  });
  const query = new URLSearchParams(location.search);
  const column = { N: 0, M: 1, S: 2, T: 3, D: 3 }[query.get("C")];
  if (column !== undefined) sort(column, query.get("O") === "D");
}
