-- Outermost frames of the stacks that claim to be complete: module, offset,
-- samples.
WITH RECURSIVE up(id, n) AS (
	SELECT stack.id, count(*)
	FROM cpu JOIN stack ON stack.id = cpu.stack
	WHERE cpu.cut IS NULL AND stack.cut IS NULL
	GROUP BY 1
	UNION ALL
	SELECT stack.parent, n
	FROM up JOIN stack USING (id)
	WHERE stack.parent IS NOT NULL)
SELECT module.path, stack.offset, sum(n)
FROM up JOIN stack USING (id) JOIN module ON module.id = stack.module
WHERE stack.parent IS NULL
GROUP BY 1, 2
